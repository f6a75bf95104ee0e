"""What may be claimed of a study, and for what the claim holds.

Reading order: `audit.py` (reasons to name no winner), `caveats.py` and `tuning_caveats.py` (conditions of the
answer), `results.py` (everything that a report shows, computed once), `scope.py` (for what a number holds),
`answer.py` (the answer in sentences), `summary.py` (means by arm and by language).
"""
