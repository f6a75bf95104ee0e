"""The paper's 3 x 2 on MASSIVE: init method by objective, at the paper's one learning rate.

    kdstudy plan paper_massive --task massive --model FacebookAI/xlm-roberta-base

What is known of the settings comes from the first author's public model cards: batches of 32, AdamW, a linear
schedule, a learning rate of 5e-5, 30 to 50 epochs, students of half the depth, three seeds and more. The
objective of the distilled arms is not known; here it is the MSE of the logits at alpha 0.5. Nor is the
teacher's recipe: 55,000 steps are three passes over the 52 locales. One learning rate for all arms is the
confound that `init_vs_distillation` takes away; `--set learning_rate=1e-5..1e-3 --trials 8` tunes each arm.
"""

from study.space import SearchSpace

SPACE = SearchSpace(
    question="Does copying matter more than distilling, at the settings of the paper on MASSIVE?",
    scientific={"init": ("random", "base", "teacher"), "alpha": (1.0, 0.5)},
    fixed={
        "depth": "1/2",
        "loss": "mse",
        "learning_rate": 5e-5,
        "batch_size": 32,
        "epochs": 30,
        "warmup": 0.0,
        "teacher_learning_rate": 5e-5,
        "teacher_steps": 55_000,
    },
    trials=1,
    confirm_seeds=3,
    reports=10,
)
