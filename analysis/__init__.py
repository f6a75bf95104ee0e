"""From the MLflow record to an answer. Reads only MLflow; knows nothing of ledgers, trials or Ray.

Reading order: `record.py` (MLflow -> tidy tables), `summary.py` (tables -> arms and languages),
`report.py` (files).
"""
