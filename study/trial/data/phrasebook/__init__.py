"""The embedded tasks.

Reading order: `task.py` (intents of texts), `grammar.py` (how texts are made), `languages/` (a grammar each),
`slots.py` (tags of words in such texts), `corpus.py` (the texts that the embedded encoder is pretrained on).
"""
