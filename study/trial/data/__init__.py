"""Tasks and their data.

Reading order: `task.py` (what a task is), `sources.py` (where one comes from), `checks.py` with `fields.py`
and `shared.py` (what is refused, what is noted), `folder.py` with `readers.py`, `hub.py` with `snapshots.py`
and `named.py` (rows from files and from the hub; `rows.py` is their common form), `phrasebook/` (the embedded
task), `fractions.py` (data fractions), `tokens.py` (tokenised once), `vocabulary.py` (the tokens that occur),
`batches.py` (what a step sees).
"""

from study.trial.data.fractions import sample_rows
from study.trial.data.sources import RegisteredTask, load_task, registered_tasks
from study.trial.data.task import SPLITS, Split, Task, load_saved_task, save_task

__all__ = [
    "SPLITS",
    "RegisteredTask",
    "Split",
    "Task",
    "load_saved_task",
    "load_task",
    "registered_tasks",
    "sample_rows",
    "save_task",
]
