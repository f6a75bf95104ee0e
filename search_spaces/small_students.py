"""The best student for each latency: accuracy against latency, and the students that no other student beats.

Depth decides the latency; init method, alpha, temperature and learning rate decide what a student of this
depth reaches. TPE proposes points that enlarge the front. Each student of the front is trained again on fresh
seeds and scored on test. `--objective accuracy,parameters` or `accuracy,size` asks for other costs.
"""

from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Which students are the best for their latency?",
    nuisance={
        "init": ("base", "teacher"),
        "depth": ("1/4", "1/2", "3/4", "1"),
        "alpha": Range(low=0.0, high=1.0),
        "temperature": Range(low=1.0, high=8.0, log=True),
        "learning_rate": Range(low=1e-4, high=3e-3, log=True),
    },
    fixed={"steps": 400},
    costs=("latency_ms",),
    sampler="tpe",
    trials=48,
    confirm_seeds=3,
    reports=2,
)
