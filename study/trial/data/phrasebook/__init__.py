"""The embedded task. Reading order: `task.py`, `grammar.py` (how texts are made), `languages/`."""
