"""A first look in minutes: does the student's initialisation matter more than distillation?

Three seeds are the fewest with which a report names an answer. `seed` is a scramble, evenly spread in the
study's own seed block, that tries no rate at an edge of the range: a value that is selected at an edge would
be a reason to name no answer.
"""

from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Does a student profit more from its initial weights or from distillation? (a first look)",
    scientific={"init": ("random", "base", "teacher"), "alpha": (1.0, 0.5)},
    nuisance={"learning_rate": Range(low=1e-4, high=3e-3, log=True)},
    fixed={"steps": 120, "temperature": 2.0, "data_fraction": 0.1},
    trials=6,
    confirm_seeds=3,
    reports=3,
    seed=23,
)
