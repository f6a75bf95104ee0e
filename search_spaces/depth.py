"""How shallow may a student be, and does the best init method depend on it?"""

from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="How does quality fall with the student's depth, by init method?",
    scientific={"init": ("random", "base", "teacher"), "depth": ("1/6", "1/3", "1/2", "2/3", "1/1")},
    nuisance={"learning_rate": Range(low=1e-5, high=1e-2, log=True)},
    fixed={"alpha": 0.2, "steps": 400},
    trials=8,
)
