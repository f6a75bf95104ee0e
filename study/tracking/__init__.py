"""The only writer to MLflow: a replay of the trials' journals.

Reading order: `journal.py` (a trial's reports on disk), `tracker.py` (what MLflow has of a study), `runs.py`
(MLflow's experiment and runs: found, or made), `rows.py` (what is logged), `outbox.py` (writes in a thread of
their own), `posts.py` (what is to be written), `sync.py` (what MLflow missed), `store.py` (MLflow's store).
"""
