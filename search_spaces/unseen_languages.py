"""Transfer to languages without training texts: the init method, by the languages that the student sees.

Students are trained on a random half of the languages, in three draws, and are scored on all languages. The
teacher sees all languages; `--teacher-languages half:1` gives the teacher one draw of its own. Tuning reads
the validation texts of the seen languages alone.

English only: `kdstudy run unseen_languages --train-languages eng`, with the task's code for English. One
language left out: `--set train_languages=but:swh,but:yor`.
"""

from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Does a copied student keep its advantage in languages that it is not trained on?",
    scientific={
        "init": ("random", "base", "teacher"),
        "train_languages": ("half:1", "half:2", "half:3"),
    },
    nuisance={"learning_rate": Range(low=1e-5, high=1e-2, log=True)},
    fixed={"alpha": 0.5, "steps": 400},
    trials=8,
)
