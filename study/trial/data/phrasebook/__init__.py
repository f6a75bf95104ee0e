"""The embedded task.

Reading order: `task.py` (the task), `grammar.py` (how texts are made), `languages/` (a grammar each),
`corpus.py` (the texts that the embedded encoder is pretrained on).
"""
