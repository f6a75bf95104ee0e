"""The paper's 3 x 2 on Tweet Sentiment Multilingual: init method by objective, at one learning rate.

    kdstudy plan paper_tsm --task tsm --model FacebookAI/xlm-roberta-base

The known settings are those of `paper_massive`: batches of 32, a learning rate of 5e-5, 30 to 50 epochs. With
1,839 training texts in each of 8 languages an epoch has 460 steps; the teacher gets ten of them, which is a
choice made here.
"""

from study.space import SearchSpace

SPACE = SearchSpace(
    question="Does copying matter more than distilling, at the settings of the paper on sentiment of tweets?",
    scientific={"init": ("random", "base", "teacher"), "alpha": (1.0, 0.5)},
    fixed={
        "depth": "1/2",
        "loss": "mse",
        "learning_rate": 5e-5,
        "batch_size": 32,
        "epochs": 30,
        "warmup": 0.0,
        "teacher_learning_rate": 5e-5,
        "teacher_steps": 4_600,
    },
    trials=1,
    confirm_seeds=3,
    reports=10,
)
