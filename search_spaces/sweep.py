"""The five factors in one study: every trial draws all of them, and the answer is what each of them does.

No factor makes arms, so the budget is a number of trials, however many values there are. The report fits one
response model to all trials: the effect of each factor, interactions, and curves with bands. The learning
rate is varied with the factors, and effects are read at the learning rate that is best for each setting.
"""

from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="What do init method, depth, alpha, temperature and data fraction do to a student?",
    varied={
        "init": ("random", "base", "teacher"),
        "depth": ("1/4", "1/2", "3/4"),
        "alpha": Range(low=0.0, high=1.0),
        "temperature": Range(low=1.0, high=8.0, log=True),
        "data_fraction": Range(low=0.01, high=1.0, log=True),
    },
    nuisance={"learning_rate": Range(low=1e-4, high=3e-3, log=True)},
    fixed={"steps": 400},
    trials=128,
    reports=2,
)
