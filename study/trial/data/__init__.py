"""Tasks and their data.

Reading order: `task.py` (what a task is), `sources.py` (where tasks come from), `checks.py` with `fields.py`
and `shared.py` (what is refused, what is noted), `tags.py` with `token_fields.py` (words that have tags),
`folder.py` with `readers.py` and `conll.py`, `hub.py` with `snapshots.py` and `named.py` (rows from files and
from the hub; `rows.py` is their common form), `phrasebook/` (the embedded tasks), `fractions.py` with
`strata.py` (data fractions), `tokens.py` with `first_tokens.py` (every text tokenised once), `vocabulary.py`
(the tokens that occur), `batches.py` (the rows of a step), `arrays.py` (arrays on a full disk).
"""
