"""One trial: its inputs, its training, its scores. The only room with torch; never ray, optuna or mlflow.

Reading order: `trial.py` (the story), `progress.py` (a report), `inputs.py` (what a trial reads),
`prepare.py` (how that is built), `data/`, `models/`, `losses/`, `classifier.py`, `training.py`, `scores.py`,
`memory.py`, `pretraining.py` (the embedded base model).
"""
