"""The paper's 3 x 2 on Universal NER: init method by objective, at one learning rate, with equal budgets.

    kdstudy plan paper_uner --task uner --model FacebookAI/xlm-roberta-base

The model cards name a learning rate of 3e-5, batches of 32, and 10 to 30 epochs: the paper's NER arms had not
one budget, so a difference between them may be a difference of training. Here each arm has 30 epochs.
`--set epochs=10` is the lower end; a study compares arms of one budget. The teacher's recipe is not known:
10,000 steps are a choice made here. Treebanks without training texts (PUD and others) are scored as unseen.
"""

from study.space import SearchSpace

SPACE = SearchSpace(
    question="Does copying matter more than distilling, at the settings of the paper on named entities?",
    scientific={"init": ("random", "base", "teacher"), "alpha": (1.0, 0.5)},
    fixed={
        "depth": "1/2",
        "loss": "mse",
        "learning_rate": 3e-5,
        "batch_size": 32,
        "epochs": 30,
        "warmup": 0.0,
        "teacher_learning_rate": 3e-5,
        "teacher_steps": 10_000,
    },
    trials=1,
    confirm_seeds=3,
    reports=10,
)
