"""The answer of a study with costs, in sentences: the students that no other student beats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.record.formats import number, points
from analysis.record.study_record import StudyRecord
from analysis.search.front import devices
from study.planning.costs import LATENCY, find_cost

__all__ = ["front_answer", "front_caveats"]


def front_answer(record: StudyRecord, front: pd.DataFrame, scope: str) -> list[str]:
    """One paragraph: how many students are on the front, the best one and the cheapest one; no paragraph
    without a front.

    front: as `analysis.search.front.front_table` returns it. scope: for what its scores hold, as part of a
    sentence.
    """
    if front.empty:
        return []
    search = record.trials[(record.trials["phase"] == "search") & (record.trials["outcome"] == "complete")]
    names = [find_cost(name).called for name in record.costs]
    plural = "s are" if len(front) != 1 else " is"
    best, cheapest = front.iloc[0], front.sort_values(list(record.costs), kind="stable").iloc[0]
    first = (
        f"**{len(front)} of {len(search)} student{plural} on the Pareto front of accuracy and "
        f"{_and(names)}.** The best one has {_score(best)} at {_at(record, best)}"
    )
    if len(front) > 1:
        first += f"; the cheapest one has {_score(cheapest)} at {_at(record, cheapest)}"
    where = devices(record) if LATENCY in record.costs else []
    device = f"; latency of one text on {'; '.join(where)}" if where else ""
    return [f"{first}. Scope: {scope}{device}."]


def front_caveats(record: StudyRecord, front: pd.DataFrame) -> Iterator[str]:
    """What could change the front, if there is one."""
    if front.empty:
        return
    if front["seeds"].isna().any():
        yield (
            "Students of the front have no confirm runs. They were selected because their scores on "
            "validation, at one seed, are high, so these scores are biased upwards."
        )
    if len(where := devices(record)) > 1 and LATENCY in record.costs:
        yield (
            f"Latencies were measured on {len(where)} kinds of devices ({'; '.join(where)}), so they do not "
            "compare."
        )


def _score(row: Any) -> str:
    if pd.isna(row["estimate"]):
        return f"{points(row['score'])} points of macro validation accuracy (search, one seed)"
    bounds = "" if pd.isna(row["low"]) else f", 95% interval {points(row['low'])} to {points(row['high'])}"
    count = int(row["seeds"])
    seeds = f"{count} seed{'s' * (count != 1)}"
    return f"{points(row['estimate'])} points of macro test accuracy ({seeds}{bounds})"


def _at(record: StudyRecord, row: Any) -> str:
    shown = []
    for name in record.costs:
        cost = find_cost(name)
        value = number(row[name]) if cost.unit else f"{int(row[name]):,}"
        shown.append(f"{value} {cost.unit}" if cost.unit else f"{value} {cost.called}")
    return _and(shown)


def _and(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
