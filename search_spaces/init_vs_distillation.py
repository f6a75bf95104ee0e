"""The paper's main design, 3 x 2: init method by objective. Every arm tunes its own learning rate.

Claim C1 of "The Privileged Students": the main effect of the init method is larger than that of distillation.
Distillation uses the MSE of the logits at alpha 0.2. MSE has no temperature to tune, so all arms tune the
same single dimension on the same budget.
"""

from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Does copying the teacher's weights matter more than distilling its outputs?",
    scientific={"init": ("random", "base", "teacher"), "alpha": (1.0, 0.2)},
    nuisance={"learning_rate": Range(low=1e-5, high=1e-2, log=True)},
    fixed={"depth": "1/2", "loss": "mse", "steps": 400},
    trials=8,
    confirm_seeds=5,
)
