"""The command line. It parses, calls and prints.

Reading order: `app.py` (the commands, and what happens to an error), `options.py`, `groups.py`,
`completion.py`, `console.py`, then a file for each command: `plan.py` with `cost.py`, `run.py` with
`live.py`, `resume.py`, `trial.py`, `status.py`, `report.py`, `export.py`, `ui.py`, `lists.py` (spaces and
tasks), `settings.py` with `catalogue.py`, `doctor.py`.

Slow packages (torch, transformers, Ray, MLflow, Optuna, pandas) are imported inside the functions that need
them.
"""
