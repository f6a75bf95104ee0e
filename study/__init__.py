"""The engine: a research question, asked as trials, run anywhere, interrupted at will, answered once.

Reading order: `config.py` (one trial's configuration, and its key), `space.py` and `plan.py` (a question,
as arms and points), `trial/` (what one trial does), `ledger.py` with `sampling.py` (the one memory),
`lifecycle.py` with `journal.py` (a trial's life, and the order in which it is written down), `tracking.py`
(MLflow), `run.py` (a study's story) with `tune.py` (Ray) and `prepare.py` (teachers and their outputs),
`selection.py` and `status.py`, `request.py` and `cli.py` (what a user asks).
"""

import gc

# Torch, transformers and MLflow make a million objects when they are imported, none of them garbage. At the
# default threshold of 700 the collector looks through them again and again: a fifth of every start.
gc.set_threshold(10_000, 10, 10)
