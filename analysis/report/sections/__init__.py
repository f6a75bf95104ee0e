"""The report's sections. Each function takes the results and returns a section, before any file format.

Reading order: `section.py` (what a section is), `order.py` (all of them, in the order of the report), then
`arms.py`, `effects.py`, `factors.py`, `training.py`, `search.py` and `method.py`, which make them.
"""
