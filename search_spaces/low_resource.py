"""Simulated low resources: the init method, by the amount of data and by the teacher's data.

With `teacher_data=full` the teacher is trained on all data: if it is copied into a "1%" student, the student
profits from the other 99% too. With `same` the teacher is trained on the student's sample. At 100% of the
data the two are one arm.
"""

from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Does the advantage of copied weights grow as data shrinks, and whose data is it?",
    scientific={
        "init": ("random", "base", "teacher"),
        "data_fraction": (0.01, 0.05, 0.1, 0.2, 0.5, 1.0),
        "teacher_data": ("full", "same"),
    },
    nuisance={"learning_rate": Range(low=1e-5, high=1e-2, log=True)},
    fixed={"alpha": 0.2, "steps": 400},
    trials=8,
)
