"""Fixed settings: the values and choices for which an answer holds. No number of the study doubts them."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.record.design import factors
from analysis.record.domain import parse_value
from analysis.record.formats import number
from analysis.record.study_record import StudyRecord
from analysis.search.sampler_facts import facts_of
from analysis.search.tuning import at_edges, ends_by_nature
from study.config import ALL, LANGUAGES
from study.selection import SEEN

__all__ = ["restricted", "settings", "shares_of_data"]


def settings(record: StudyRecord) -> list[str]:
    """The settings, one or two sentences each."""
    return [
        text
        for part in (_varied, _tuned, _held, _length, _languages, _teacher_data, _ends)
        for text in part(record)
    ]


def _varied(record: StudyRecord) -> Iterator[str]:
    """Over which values each hyperparameter was varied, and where the trials lie."""
    if not record.varied:
        return
    shown = ", ".join(f"{name} ({domain})" for name, domain in record.varied.items())
    yield (
        "Each trial had values of its own of all varied hyperparameters, and a seed of its own. Varied: "
        f"{shown}."
    )
    if record.nuisance:
        named = ", ".join(f"{name} ({domain})" for name, domain in record.nuisance.items())
        yield (
            f"Varied with them, as nuisance: {named}. Effects are read at the nuisance values at which the "
            "model predicts the highest macro accuracy of each setting."
        )


def _tuned(record: StudyRecord) -> Iterator[str]:
    if record.varied:
        return
    domains = {name: domain for name, domain in record.nuisance.items() if len(domain.levels) != 1}
    if domains:
        tuned = ", ".join(f"{name} ({domain})" for name, domain in domains.items())
        where = facts_of(record.sampler).where_tuned
        yield f"Each arm was tuned by itself, by macro validation accuracy{where}. Tuned: {tuned}."
    yield from _selected_on(record)
    if count := record.facts.get("enqueued"):
        yield f"The user chose which points were tried first ({count} points, `--enqueue`)."
    for name, domain in record.nuisance.items():
        if len(domain.levels) == 1:
            yield f"{name} was to be tuned. It had one value, {domain}, so {name} was held."


def _selected_on(record: StudyRecord) -> Iterator[str]:
    """The languages that the selection used, if students have unseen ones."""
    if record.unseen and record.select_on == SEEN:
        yield (
            "The selection used validation texts of the languages that a student is trained on, and of no "
            "other language."
        )


def _held(record: StudyRecord) -> Iterator[str]:
    if record.fixed:
        shown = ", ".join(f"{name} {value}" for name, value in record.fixed.items())
        yield f"These hyperparameters had one value: {shown}."


def _length(record: StudyRecord) -> Iterator[str]:
    """The length of the training. With fixed epochs, 1% of the data also means 1% of the updates."""
    if "steps" in record.fixed:
        steps = record.fixed["steps"]
        yield f"Every student is trained for {steps} optimiser steps, for every amount of data."
    elif "epochs" in record.fixed:
        yield f"Every student is trained for {record.fixed['epochs']} epochs. Less data means fewer updates."


def _languages(record: StudyRecord) -> Iterator[str]:
    """Which languages students are not trained on; for many arms with different ones, how many."""
    unseen = record.unseen_of_arms()
    sets = sorted({tuple(sorted(languages)) for languages in unseen.values()})
    if len(sets) == 1:
        whom = "Students" if len(unseen) == len(record.arms) else f"Students of {len(unseen)} arms"
        count = f"{len(sets[0])} language{'s' * (len(sets[0]) > 1)}"
        yield f"{whom} are not trained on {count}: {', '.join(sets[0])}."
    elif sets:
        few, many = min(map(len, sets)), max(map(len, sets))
        count = str(few) if few == many else f"{few} to {many}"
        yield (
            f"Students of {len(unseen)} of {len(record.arms)} arms are not trained on {count} languages, "
            f"which are {len(sets)} different sets."
        )


def _teacher_data(record: StudyRecord) -> Iterator[str]:
    """What the teacher saw, if this leaves no doubt; `caveats.py` has the other cases."""
    if record.facts.get("teacher"):
        return
    if not shares_of_data(record):
        if not restricted(record):
            yield "The teacher and the students were trained on all training data."
    elif "teacher_data" in factors(record):
        yield "The data of the teacher (teacher_data) is a factor: all training data, or the student's share."
    elif "teacher_data" in record.nuisance:
        yield "The data of the teacher (teacher_data) was tuned: all training data, or the student's share."
    elif record.fixed.get("teacher_data") == "same":
        yield "teacher_data is same: the teacher saw only the student's share of the training data."


def _ends(record: StudyRecord) -> Iterator[str]:
    """Selected values beyond which the hyperparameter has no value."""
    for arm, name, end, value in at_edges(record):
        if ends_by_nature(record, name, end):
            selected = f"{name} was selected at the {end} of {record.nuisance[name]} ({number(value)})"
            yield f"{arm}: {selected}. The hyperparameter itself ends there: no value lies beyond."


def restricted(record: StudyRecord) -> bool:
    """Whether some students or teachers were trained on some languages alone."""
    levels = [record.scientific.get(name) or (record.fixed.get(name, ALL),) for name in LANGUAGES]
    return any(level != ALL for of_field in levels for level in of_field)


def shares_of_data(record: StudyRecord) -> bool:
    """Whether some students had less than all training data."""
    name = "data_fraction"
    if domain := (record.nuisance | record.varied).get(name):
        levels = (domain.low, *domain.levels)
    else:
        levels = record.scientific.get(name) or (parse_value(record.fixed.get(name, "1")),)
    return any(level not in (None, 1) for level in levels)
