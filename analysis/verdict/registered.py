"""Whether the study was registered before its first trial, and in what it differs from its registration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from analysis.record.formats import margin_text
from analysis.record.study_record import StudyRecord
from analysis.search.tuning import exhausted, tried

__all__ = ["differences", "readings_of_test", "registered"]

SHOWN = 12
"""Characters of the hash that are shown."""

MOST_NAMES = 5


def registered(record: StudyRecord) -> str:
    """One paragraph: the date and the hash of the registration, what it fixed, and what is different now."""
    tags = record.tags
    if "registered" not in tags:
        return (
            "Not registered: the record has no registration. (A study is registered when it begins, before "
            "its "
            "first trial; studies of older versions are not.)"
        )
    frozen = _frozen(record)
    head = f"Registered on {tags['registered']} as {tags['registered.hash'][:SHOWN]}, before the first trial"
    if frozen is None:
        return f"{head}. The text of the registration is damaged: it does not have this hash."
    space = frozen["space"]
    what = (
        f"contrast: {frozen['contrast']}; direction: {frozen['direction']}; margin: "
        f"{margin_text(frozen['margin'])}; budget of an arm: {_times(space['trials'], frozen)} search "
        "trials and "
        f"{_times(space['confirm_seeds'], frozen)} confirm seeds; sampler: {space['sampler']}"
    )
    if "seed_block" in frozen:
        what += f"; seed block: {frozen['seed_block']}"
    found = list(differences(record))
    now = f"The study differs from it: {'; '.join(found)}." if found else "The study is as it was registered."
    return f"{head}: {what}. {now}"


def differences(record: StudyRecord) -> Iterator[str]:
    """What is different from the registration, each as a phrase. Nothing if there is no registration."""
    frozen = _frozen(record)
    if frozen is None:
        return
    space = frozen["space"]
    if frozen["margin"] != record.margin:
        yield (
            f"the margin is {margin_text(record.margin)}, and {margin_text(frozen['margin'])} was registered"
        )
    if space["question"] != record.question:
        yield "the question has other words"
    for name in ("sampler", "pruner", "reports"):
        said = record.facts.get(name)
        if said is not None and said != str(space[name]):
            yield f"{name} is {said}, and {space[name]} was registered"
    yield from _budgets(record, _times(space["trials"], frozen), _times(space["confirm_seeds"], frozen))


def readings_of_test(record: StudyRecord) -> str:
    """How often confirm runs of other studies have read test of this task, in the same record."""
    readers = record.readers
    if readers is None:
        return "The record does not show whether other studies have read the test texts of this task."
    if not readers:
        return "No other study in this record of MLflow has read the test texts of this task."
    names = sorted(readers, key=lambda name: (-readers[name], name))
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    plural = "y" if len(names) == 1 else "ies"
    return (
        f"The test texts of this task were read by {sum(readers.values())} confirm runs of {len(names)} "
        "other "
        f"stud{plural} in this record of MLflow ({', '.join(names[:MOST_NAMES])}{more}). If those results "
        "had a "
        "part in the choice of this study, the intervals do not account for it."
    )


def _budgets(record: StudyRecord, trials: int, seeds: int) -> Iterator[str]:
    """Arms with more than was registered; and, of a study that has ended, arms with less."""
    search = tried(record)
    confirm = record.trials[record.trials["phase"] == "confirm"]
    for what, budget, runs in (("search trials", trials, search), ("confirm seeds", seeds, confirm)):
        column = "key" if runs is search else "seed"
        if column not in runs:
            continue
        counts = runs.groupby("arm")[column].nunique().reindex(list(record.arms), fill_value=0)
        full = [
            arm for arm in record.arms if runs is search and exhausted(record, search[search["arm"] == arm])
        ]
        more = counts[counts > budget]
        less = counts[(counts < budget) & ~counts.index.isin(full)] if not record.partial else counts[:0]
        for kind, found in (("more", more), ("fewer", less)):
            if len(found):
                span = f"{found.min()}" if found.min() == found.max() else f"{found.min()} to {found.max()}"
                yield (
                    f"{len(found)} of {len(counts)} arms have {kind} {what} than registered ({span} in "
                    "place of "
                    f"{budget})"
                )


def _times(budget: int, frozen: dict[str, Any]) -> int:
    return int(budget) * int(frozen.get("tunings", 1))


def _frozen(record: StudyRecord) -> dict[str, Any] | None:
    """The content of the registration; None if there is none, or if the text does not have its hash."""
    tags = record.tags
    parts: list[str] = []
    while (part := tags.get(f"registered.{len(parts)}")) is not None:
        parts.append(part)
    text = "".join(parts)
    if not parts or sha256(text.encode()).hexdigest() != tags.get("registered.hash"):
        return None
    content: dict[str, Any] = json.loads(text)
    return content
