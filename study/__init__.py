"""The engine: a research question, asked as trials, run anywhere, interrupted at will, answered once.

Reading order: `config.py` (one trial's configuration, and its key), `space.py` and `plan.py` (a question,
as arms and points), `trial/` (what one trial does), `ledger.py` with `sampling.py` (the one memory),
`lifecycle.py` with `journal.py` (a trial's life, and the order in which it is written down), `tracking.py`
(MLflow), `run.py` (a study's story) with `tune.py` (Ray) and `prepare.py` (teachers and their outputs),
`selection.py` and `status.py`, `request.py` and `cli.py` (what a user asks).
"""
