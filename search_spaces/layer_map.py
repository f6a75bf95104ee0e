"""Which of the source's layers should a shallower student copy?"""

from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Does it matter which layers are copied?",
    scientific={
        "layer_map": ("uniform", "first", "last", "ends", "average"),
        "init": ("base", "teacher"),
    },
    nuisance={"learning_rate": Range(low=1e-5, high=1e-2, log=True)},
    fixed={"depth": "1/2", "alpha": 0.2, "steps": 400},
    trials=8,
)
