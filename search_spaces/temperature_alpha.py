"""The surface of the two distillation hyperparameters, from pure distillation to none."""

from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="How do temperature and the weight of the labels shape what distillation gives?",
    scientific={"alpha": (0.0, 0.2, 0.5, 0.8, 1.0), "temperature": (1.0, 2.0, 4.0, 8.0)},
    nuisance={"learning_rate": Range(low=1e-5, high=1e-2, log=True)},
    fixed={"init": "teacher", "loss": "kl", "steps": 400},
    trials=8,
)
