"""A first look in minutes: does the student's initialisation matter more than distillation?"""

from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Does a student profit more from its initial weights or from distillation? (a first look)",
    scientific={"init": ("random", "base", "teacher"), "alpha": (1.0, 0.5)},
    nuisance={"learning_rate": Range(low=3e-4, high=2e-3, log=True)},
    fixed={"steps": 120, "temperature": 2.0, "data_fraction": 0.1},
    trials=2,
    confirm_seeds=2,
    reports=3,
)
