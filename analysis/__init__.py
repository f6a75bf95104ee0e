"""From the MLflow record of a study to an answer. The package reads MLflow; it knows no ledger and no Ray.

Reading order, which is the order of the data and of the imports: `record/` (what MLflow holds of a study, as
tables), `statistics/` (effects with their intervals), `search/` (what the search of the nuisance values
brought), `verdict/` (what may be claimed, and for what it holds), `report/` (the files). A room imports the
rooms before it and none after it. `README.md` has the tree of files.
"""
