"""What could change an answer: what the teacher saw, which teachers there are, how runs were computed, the
tuning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.record.design import confirm_runs, factors, own_teachers
from analysis.record.study_record import StudyRecord
from analysis.verdict.settings import shares_of_data
from analysis.verdict.tuning_caveats import tuning_caveats
from study.selection import SEEN

__all__ = ["caveats", "teacher_caveats"]


def caveats(record: StudyRecord) -> list[str]:
    """What could change the answer, one to three sentences each."""
    parts = (tuning_caveats, _unseen, teacher_caveats, _numerics)
    return [text for part in parts for text in part(record)]


def teacher_caveats(record: StudyRecord) -> list[str]:
    """What the teachers saw, and for which teachers the intervals hold."""
    return [*_teacher_data(record), *_teachers(record)]


def _unseen(record: StudyRecord) -> Iterator[str]:
    """Texts of unseen languages that had a part in the tuning."""
    if record.unseen and record.nuisance and record.select_on != SEEN:
        yield (
            "The selection used validation texts of all languages, also of those that students are not "
            "trained on (--select-on all). In a zero-shot setting nobody has such texts, so the numbers of "
            "unseen languages are too good for it."
        )


def _teacher_data(record: StudyRecord) -> Iterator[str]:
    """What the teacher saw, if this leaves a doubt; `settings.py` has the other cases."""
    name = "teacher_data"
    if record.facts.get("teacher"):
        yield "The user gave the teacher. The record does not show on which data the teacher was trained."
    elif not shares_of_data(record) or name in factors(record) or name in record.nuisance:
        return
    elif name not in record.fixed:
        yield f"The record does not show the data of the teacher ({name}): all data, or the student's share."
    elif record.fixed[name] != "same":
        yield (
            f"{name} is {record.fixed[name]}: the teacher saw all training data, its students a share. "
            "Copied weights and distilled outputs carry information about the rest of the data."
        )


def _teachers(record: StudyRecord) -> Iterator[str]:
    """The teachers for which the intervals hold."""
    own, seeds = own_teachers(record), factors(record).get("teacher_seed", ())
    if seeds:
        shown = ", ".join(map(str, seeds))
        yield (
            f"The numbers are averaged over {len(seeds)} teachers (teacher_seed {shown}). The intervals are "
            "over seeds, with these teachers."
        )
    elif not own:
        yield "There is one teacher. The intervals hold for this teacher, not for teachers of other seeds."
    if own:
        where = "In every arm" if len(own) == len(record.arms) else _where_same(record, own)
        yield (
            f"{where}, each confirm seed has a teacher of its own, trained on the data sample of the seed. "
            "There the intervals are also over such teachers. They are not over teacher seeds."
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
        yield f"Confirm runs were computed in different ways. They differ in {', '.join(differing)}."
