"""One trial: its inputs, its training, its scores. The only room with torch; never ray, optuna or mlflow.

Reading order: `job.py` (what a trial is given), `trial.py` (the story), `progress.py` (a report), `result.py`
(what an ended trial reported), `inputs.py` (what a trial reads), `prepare.py` (in which order the inputs are
built) with `encoding.py`, `teaching.py` and `plain.py` (how), `data/`, `models/`, `losses/`, `classifier.py`
(the loss of a step), `training.py` with `parameters.py` and `checkpoints.py`, `scores.py`, `memory.py`,
`machine.py` (where a trial runs), `pretraining.py` (the embedded base model).
"""
