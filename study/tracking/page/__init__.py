"""What MLflow's UI shows beside the trials: names, descriptions, saved views, progress.

Reading order: `page.py` (the page of a study), `views.py` (the saved views), `notes.py` (descriptions),
`names.py` (names of runs), `links.py` (addresses in the UI).
"""
