"""From the MLflow record to an answer. Reads only MLflow; knows nothing of ledgers, trials or Ray.

Reading order: `source.py` and `shares.py` (MLflow -> what one home holds), `record.py` (-> tidy tables),
`design.py` (factors, arms, the results that count), `effects/` on `intervals.py` (the statistics),
`fractions.py`, `convergence.py`, `budget.py`, `importance.py`, `replay.py` on `conclusion.py` (one question
each), `audit.py` and `caveats.py` on `tuning.py` (what stands against an answer, and for what it holds),
`answer.py`, and `report.py` (files).
"""
