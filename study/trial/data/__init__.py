"""Tasks and their data.

Reading order: `task.py` (what a task is), `sources.py` (where one comes from), `checks.py` with `fields.py`
and `shared.py` (what is refused, what is noted), `folder.py` with `readers.py`, `hub.py` with `snapshots.py`
and `named.py` (rows from files and from the hub; `rows.py` is their common form), `phrasebook/` (the embedded
task), `fractions.py` (data fractions), `tokens.py` (tokenised once), `vocabulary.py` (the tokens that occur),
`batches.py` (what a step sees).
"""
