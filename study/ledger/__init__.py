"""A study's plan and trials on record, in Optuna's storage. The only room with Optuna.

Reading order: `ledger.py` (a trial's life on record), `records.py` (trials as the ledger stores them),
`book.py` (the copy of the records in memory), `proposals.py` (the next trial), `running.py` (reports and the
pruner's decisions), `sampling.py` (samplers and pruners), `optuna_studies.py` (the Optuna studies of one
study), `progress.py` (how far a study is), `lease.py` (one driver at a time), `database.py` and `patience.py`
(the database, and what happens while it is away), `study.py` (one open study, by its name).
"""
