"""What the search of the nuisance hyperparameters brought.

Reading order: `trials.py` (the search trials as a table), `tuning.py` (which points were tried, and which
selected values lie at an edge), `sampler_facts.py` (what the sampler says of the trials), `budget.py` (the
best of b trials), `importance.py` (which hyperparameters mattered), `replay.py` (would fewer trials give the
same conclusion?).
"""
