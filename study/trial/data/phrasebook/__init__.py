"""The embedded task.

Reading order: `task.py` (the task), `grammar.py` (how texts are made), `languages/` (a grammar each).
"""
