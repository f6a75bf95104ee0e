"""The engine: a research question becomes trials, which run anywhere and can be interrupted.

Seven files hold the basic words: `config.py` (one trial's configuration, and its key), `errors.py`,
`space.py` (a question as roles and ranges), `optimum.py` and `selection.py` (an arm's selected values),
`streams.py` (random streams), `home.py` (the folder of everything). Seven rooms use these files, and each
room may import the rooms before it: `storage/`, `trial/`, `planning/`, `ledger/`, `tracking/`, `driver/`,
`cli/`.
"""

import gc

# Torch, transformers and MLflow make a million objects while they are imported, and none is garbage. With the
# default threshold of 700, the collector would scan them again and again: a fifth of the time of every start.
gc.set_threshold(10_000, 10, 10)
