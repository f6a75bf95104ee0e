"""Statistics of the confirm runs. Every function takes tables or arrays; none reads a record.

Reading order: `intervals.py` (t intervals, Holm's correction), `effects/` (effects of the factors),
`power.py` (which difference a design can detect), `matching.py` (curves over matched arms), `fractions.py`
(claim C4: the amount of data), `convergence.py` (claim C5: steps to a score), `many_tests.py` (the tests of
many replays at once), `conclusion.py` (what a study concludes, as a code, for many replays at once).
"""
