"""The best student: all hyperparameters are searched together in one arm, and weak trials stop early.

The study finds a good student. It does not explain why the student is good, because TPE samples adaptively.
"""

from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="What is the best student of half the teacher's depth?",
    nuisance={
        "init": ("random", "base", "teacher"),
        "layer_map": ("uniform", "first", "last", "ends", "average"),
        "alpha": Range(low=0.0, high=1.0),
        "loss": ("kl", "mse"),
        "temperature": Range(low=1.0, high=8.0),
        "learning_rate": Range(low=1e-5, high=1e-2, log=True),
        "warmup": Range(low=0.0, high=0.3),
        "weight_decay": Range(low=1e-4, high=0.1, log=True),
        "batch_size": (16, 32, 64),
    },
    fixed={"depth": "1/2", "steps": 400},
    trials=60,
    reports=8,
    sampler="tpe",
    pruner="hyperband",
)
