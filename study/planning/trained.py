"""Whether students and teachers can be trained on the languages that a plan gives them, and be selected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from study.config import ALL, LANGUAGES
from study.errors import RequestError
from study.planning.plan import Plan
from study.selection import SEEN

if TYPE_CHECKING:
    from study.trial.data.task import Task

__all__ = ["check_labels", "check_selectable", "language_notes"]

SHOWN = 5  # labels or languages that a line names


def check_labels(plan: Plan, task: Task) -> None:
    """Check that the training texts that each student and each teacher sees have two labels at least.

    Raises:
        RequestError: if the texts of a list of languages have one label; the text names the list.
    """
    for field, content, name in _lists(plan):
        if len(_labels(plan, task, content)) < 2:
            raise RequestError(
                f"{field}={name}: the training rows of {', '.join(plan.languages.seen(content))} have one "
                "label; give more languages"
            )


def check_selectable(plan: Plan, task: Task) -> None:
    """Check that each student has validation rows of a language that it sees, if that is what selects.

    Raises:
        RequestError: if the students of an arm have none; the text names the arm.
    """
    if plan.select_on != SEEN:
        return
    there = set(task.languages_in("validation"))
    lists = {draft.train_languages: plan.shown(draft)["train_languages"] for draft in plan.all_drafts()}
    for content, name in lists.items():
        if not there.intersection(seen := plan.languages.seen(content)):
            raise RequestError(
                f"train_languages={name}: no validation rows in {_listed(seen)}, and the selection uses the "
                "seen languages alone; add validation rows, or give --select-on all"
            )


def language_notes(plan: Plan, task: Task) -> Iterator[str]:
    """One line for each list of languages whose training texts lack labels of the task."""
    for field, content, name in _lists(plan):
        every = set(range(len(task.labels)))
        if lacking := sorted(every - _labels(plan, task, content)):
            labels = _listed([task.labels[number] for number in lacking])
            yield f"{field}={name}: {len(lacking)} of {len(every)} labels have no training row: {labels}"


def _lists(plan: Plan) -> list[tuple[str, str, str]]:
    """(field, list of languages, its name in the plan) of students and teachers that are trained on some.

    The training rows of all languages have all labels of the task, and two at least (`checks.py`).
    """
    found = {
        (field, getattr(draft, field), str(plan.shown(draft)[field])): None
        for draft in plan.all_drafts()
        for field in LANGUAGES
        if field not in draft.inert() and getattr(draft, field) != ALL
    }
    return list(found)


def _labels(plan: Plan, task: Task, content: str) -> set[int]:
    """The labels of the training rows of the list `content`."""
    train = task.splits["train"]
    numbers = [task.languages.index(code) for code in plan.languages.seen(content)]
    return set(np.unique(train.labels[np.isin(train.languages, numbers)]).tolist())


def _listed(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
