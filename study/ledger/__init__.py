"""The study's one memory, in Optuna's storage. The only room with Optuna.

Reading order: `ledger.py` (a trial's life on record), `records.py` (trials as the ledger knows them),
`optuna_studies.py` (the Optuna studies of a study), `running.py` (reports and what the pruner said),
`sampling.py` (samplers and pruners), `progress.py` (how far a study is), `lease.py` (one driver at a time),
`database.py`, `transaction.py` and `patience.py` (the database, and what happens while it is away).
"""
