"""Effects of the factors on accuracy: from the confirm runs to estimates with intervals.

Reading order: `runs.py` (the `confirmed` table as one array), `cells.py` (which arms match), `contrasts.py`
(which arms an effect compares), `precision.py` (the interval of a contrast), `estimates.py` (effects and
claim C1), `arms.py` (is there a winner?), `variance.py` (shares of variance).

Every estimate is an effect at the nuisance values that the search of each arm selected, with the teachers and
test texts of the study, on fresh seeds. Confirm seed i of one arm pairs with confirm seed i of another arm.
"""
