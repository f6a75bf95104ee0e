"""What the varied hyperparameters of a study do: one response model, fitted to all its trials.

Reading order: `factors.py` (what differs from trial to trial, as numbers), `design.py` (the terms of the
model), `model.py` (the fit), `population.py` (the settings that effects are averaged over), `effects.py`
(effects, interactions, the change of the copy's advantage with the data), `curves.py` (response curves and
predictions), `check.py` (how well the model predicts), `swept.py` (all of it for a record), `predicted.py`
(one setting).
"""
