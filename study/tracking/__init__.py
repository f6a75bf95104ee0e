"""The only writer to MLflow: a replay of the trials' journals.

Reading order: `journal.py` (a trial's reports on disk), `tracker.py` (what MLflow has of a study), `runs.py`
(MLflow's runs: found, or made), `known.py` (what is known of a run), `experiment.py` (a study's experiment,
found by its id), `rows.py` (what is logged), `lineage.py` (where a run comes from), `page/` (what the UI
shows beside the trials), `outbox.py` (writes in a thread of their own), `posts.py` (what is to be written),
`sync.py` (what MLflow lacks), `artifacts.py` and `predictions.py` (files of runs), `models/` (students as
MLflow's models), `store.py` (MLflow's store), `database.py` (the store as a file of the home).
"""
