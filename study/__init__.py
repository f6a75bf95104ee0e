"""The engine: a research question, asked as trials, run anywhere, interrupted at will, answered once.

Six files are the words and the place: `config.py` (one trial's configuration, and its key), `errors.py`,
`space.py` (a question as roles and ranges), `selection.py`, `streams.py`, `home.py`. Seven rooms stand on
them, each on those before it: `storage/`, `trial/`, `planning/`, `ledger/`, `tracking/`, `driver/`, `cli/`.
"""

import gc

# Torch, transformers and MLflow make a million objects when they are imported, none of them garbage. At the
# default threshold of 700 the collector looks through them again and again: a fifth of every start.
gc.set_threshold(10_000, 10, 10)
