"""The report's sections. Each function takes the results and returns a section, before any file format.

Reading order: `section.py` (what a section is), `order.py` (all of them, in the order of the report), then
`arms.py`, `effects.py`, `factors.py`, `training.py`, `search.py`, `method.py` and `data.py`, which make them,
and `first.py` (the figures of the first screen). `claims.py` decides what a section may show with findings.
"""
