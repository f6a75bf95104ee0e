"""What the factors do to accuracy: from the confirm runs to effects with intervals.

Reading order: `runs.py` (the `confirmed` table as one array), `cells.py` (which arms match), `contrasts.py`
(which are compared), `estimates.py` (effects and claim C1), `arms.py` (is there a winner?), `variance.py`
(shares of variance).

Every estimate is of the effect at the nuisance values that each arm's search selected, with the study's
teachers and test texts, on fresh seeds. Confirm seed i of one arm pairs with seed i of another.
"""
