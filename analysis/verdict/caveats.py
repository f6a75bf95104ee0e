"""Conditions of an answer: values that were held, how the teacher was made, how runs were computed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.record.design import confirm_runs, factors, own_teachers
from analysis.record.domain import parse_value
from analysis.record.study_record import StudyRecord
from analysis.verdict.tuning_caveats import tuning_caveats

__all__ = ["caveats"]


def caveats(record: StudyRecord) -> list[str]:
    """The conditions under which the answer holds, one or two sentences each."""
    return [
        text for part in (_held, _teacher_data, _teachers, tuning_caveats, _numerics) for text in part(record)
    ]


def _held(record: StudyRecord) -> Iterator[str]:
    if record.fixed:
        shown = ", ".join(f"{name} {value}" for name, value in record.fixed.items())
        yield f"These hyperparameters had one value, so the answer is for these values alone: {shown}."


def _teacher_data(record: StudyRecord) -> Iterator[str]:
    if record.facts.get("teacher"):
        yield "The user gave the teacher: the record does not show on which data it was trained."
    elif not _shares_of_data(record):
        yield "The teacher and the students were trained on all training data."
    elif "teacher_data" in factors(record):
        yield "The data of the teacher (teacher_data) is a factor: all training data, or the student's share."
    elif "teacher_data" in record.nuisance:
        yield "The data of the teacher (teacher_data) was tuned: all training data, or the student's share."
    elif record.fixed.get("teacher_data") == "same":
        yield "teacher_data is same: the teacher saw only the student's share of the training data."
    elif "teacher_data" not in record.fixed:
        yield (
            "The record does not show the data of the teacher (teacher_data): all data, or the student's "
            "share."
        )
    else:
        yield (
            "teacher_data is full: the teacher saw all training data, and its students saw a share of the "
            "data. "
            "Copied weights and distilled outputs carry information about the rest of the data."
        )


def _shares_of_data(record: StudyRecord) -> bool:
    """Whether some students had less than all training data."""
    name = "data_fraction"
    if domain := record.nuisance.get(name):
        levels = (domain.low, *domain.levels)
    else:
        levels = record.scientific.get(name) or (parse_value(record.fixed.get(name, "1")),)
    return any(level not in (None, 1) for level in levels)


def _teachers(record: StudyRecord) -> Iterator[str]:
    """The teachers for which the intervals hold."""
    own, seeds = own_teachers(record), factors(record).get("teacher_seed", ())
    if seeds:
        shown = ", ".join(map(str, seeds))
        yield (
            f"The numbers are averaged over {len(seeds)} teachers (teacher_seed {shown}). The intervals are "
            "over "
            "seeds, with these teachers."
        )
    elif not own:
        yield (
            "There is one teacher seed: the intervals hold for this teacher, not for teachers of other seeds."
        )
    if own:
        where = "In every arm" if len(own) == len(record.arms) else _where_same(record, own)
        yield (
            f"{where}, each confirm seed has a teacher of its own, trained on the data sample of the seed: "
            "in "
            "these arms the intervals are also over such teachers, but not over teacher seeds."
        )
    if own and not seeds and len(own) < len(record.arms):
        yield "In the other arms the intervals hold for one teacher, not for teachers of other seeds."


def _where_same(record: StudyRecord, own: list[str]) -> str:
    count = f"{len(own)} of {len(record.arms)} arms"
    if "teacher_data" in record.scientific or "teacher_data" in record.nuisance:
        return f"In the {count} with teacher_data = same and less than all data"
    return f"In the {count} with less than all data (teacher_data is same)"


def _numerics(record: StudyRecord) -> Iterator[str]:
    said = confirm_runs(record)["numerics"].dropna().unique()
    ways = [
        dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", text)) for text in said
    ]  # the name of a GPU contains spaces
    names = dict.fromkeys(name for way in ways for name in way)
    values = {name: sorted({way.get(name, "not recorded") for way in ways}) for name in names}
    differing = [f"{name} ({', '.join(each)})" for name, each in values.items() if len(each) > 1]
    if differing:
        yield f"Confirm runs were computed in different ways; they differ in {', '.join(differing)}."
