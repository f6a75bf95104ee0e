"""For what an answer holds: what was held at one value, how the teacher was made, how runs were computed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.record.design import confirm_runs, factors, own_teachers
from analysis.record.domain import parse_value
from analysis.record.study_record import StudyRecord
from analysis.verdict.tuning_caveats import tuning_caveats

__all__ = ["caveats"]


def caveats(record: StudyRecord) -> list[str]:
    """For what the answer holds, one sentence each."""
    return [
        text for part in (_held, _teacher_data, _teachers, tuning_caveats, _numerics) for text in part(record)
    ]


def _held(record: StudyRecord) -> Iterator[str]:
    if record.fixed:
        shown = ", ".join(f"{name} {value}" for name, value in record.fixed.items())
        yield f"Held at one value, and so not part of the answer: {shown}."


def _teacher_data(record: StudyRecord) -> Iterator[str]:
    if record.facts.get("teacher"):
        yield "The teacher was given: what it was trained on is not on record."
    elif not _shares_of_data(record):
        yield "Teacher and students were trained on all training data."
    elif "teacher_data" in factors(record):
        yield "What the teacher saw (teacher_data) is a factor: all training data, or the student's share."
    elif "teacher_data" in record.nuisance:
        yield "What the teacher saw (teacher_data) was tuned: all training data, or the student's share."
    elif record.fixed.get("teacher_data") == "same":
        yield "teacher_data is same: the teacher saw only the student's share of the training data."
    elif "teacher_data" not in record.fixed:
        yield "What the teacher saw (teacher_data) is not on record: all data, or the student's share."
    else:
        yield (
            "teacher_data is full: the teacher saw all training data, of which its students saw a share; "
            "what is copied or distilled carries the rest."
        )


def _shares_of_data(record: StudyRecord) -> bool:
    """Whether some student was given less than all training data."""
    name = "data_fraction"
    if domain := record.nuisance.get(name):
        levels = (domain.low, *domain.levels)
    else:
        levels = record.scientific.get(name) or (parse_value(record.fixed.get(name, "1")),)
    return any(level not in (None, 1) for level in levels)


def _teachers(record: StudyRecord) -> Iterator[str]:
    """Which teachers the intervals are for."""
    own, seeds = own_teachers(record), factors(record).get("teacher_seed", ())
    if seeds:
        shown = ", ".join(map(str, seeds))
        yield (
            f"Averaged over {len(seeds)} teachers (teacher_seed {shown}); the intervals are over seeds, with "
            "these teachers."
        )
    elif not own:
        yield "There is one teacher seed: the intervals are for this teacher, not for teachers trained anew."
    if own:
        where = "In every arm" if len(own) == len(record.arms) else _where_same(record, own)
        yield (
            f"{where} each confirm seed has a teacher of its own, trained on its sample of the data: there "
            "the intervals are over such teachers too, but not over teacher seeds."
        )
    if own and not seeds and len(own) < len(record.arms):
        yield "In the other arms the intervals are for one teacher, not for teachers trained anew."


def _where_same(record: StudyRecord, own: list[str]) -> str:
    count = f"{len(own)} of {len(record.arms)} arms"
    if "teacher_data" in record.scientific or "teacher_data" in record.nuisance:
        return f"In the {count} with teacher_data = same and less than all data"
    return f"In the {count} with less than all data (teacher_data is same)"


def _numerics(record: StudyRecord) -> Iterator[str]:
    said = confirm_runs(record)["numerics"].dropna().unique()
    ways = [dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", text)) for text in said]  # a GPU's name has spaces
    names = dict.fromkeys(name for way in ways for name in way)
    values = {name: sorted({way.get(name, "not said") for way in ways}) for name in names}
    differing = [f"{name} ({', '.join(each)})" for name, each in values.items() if len(each) > 1]
    if differing:
        yield f"Confirm runs were not all computed alike; they differ in {', '.join(differing)}."
