"""How arms were tuned: the points that were tried, and selected values at an edge of their range or grid."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pandas as pd

from analysis.record.domain import parse_value
from analysis.record.study_record import StudyRecord
from study.config import TrialConfig

__all__ = [
    *("at_edges", "ends_by_nature", "exhausted", "outermost"),
    *("failed_trials", "search_trials", "tried", "tuned"),
]

EDGE = 0.05
"""This share of a range at either end is its edge; in the logarithm if the range is logarithmic."""

RANGE = "any value of a range"
UNSAID = {"depth": 1, "model_layers": 2}
"""Values for fields that no trial records: a student that copies some of the layers."""


def search_trials(record: StudyRecord) -> pd.DataFrame:
    return record.trials[record.trials["phase"] == "search"]


def tried(record: StudyRecord) -> pd.DataFrame:
    """The search trials that show something about their values: complete, pruned or diverged trials.

    A failed trial shows nothing: its point counts as not tried.
    """
    search = search_trials(record)
    return search[search["outcome"].isin(("complete", "pruned", "diverged"))]


def failed_trials(record: StudyRecord) -> pd.DataFrame:
    search = search_trials(record)
    return search[search["outcome"] == "failed"]


def tuned(record: StudyRecord, trials: pd.DataFrame) -> list[str]:
    """The nuisance hyperparameters that have an effect in these trials of an arm."""
    return [name for name in record.nuisance if name in trials and trials[name].notna().any()]


def exhausted(record: StudyRecord, trials: pd.DataFrame) -> bool:
    """Whether these trials are all points of their arm. Points differ in values that have an effect."""
    names = [name for name in record.nuisance if name in trials]
    tried = len(trials[names].drop_duplicates()) if names else 0
    said = trials[[name for name in TrialConfig.model_fields if name in trials]].bfill().head(1)
    arm = {
        name: parse_value(text)
        for row in said.to_dict("records")
        for name, text in row.items()
        if isinstance(text, str)
    }
    points = set()
    for levels in itertools.product(*(domain.levels or (RANGE,) for domain in record.nuisance.values())):
        point = dict(zip(record.nuisance, levels, strict=True))
        inert = TrialConfig.model_construct(**(UNSAID | arm | point)).inert()  # type: ignore[arg-type]
        active = frozenset((name, level) for name, level in point.items() if name not in inert)
        points.add(active)
        if len(points) > tried or RANGE in dict(active).values():
            return False
    return tried > 0


def at_edges(record: StudyRecord) -> Iterator[tuple[str, str, str, object]]:
    """(arm, nuisance, "lower end" or "upper end", value) of each selected value that lies at an edge.

    In a grid of two levels both levels are edges. A single level is no edge: the hyperparameter was held, not
    tuned.
    """
    seen: set[tuple[str, str, str]] = set()  # several tunings of an arm may end at one edge
    for (arm, _), values in record.selected.items():
        for name, domain in record.nuisance.items():
            value = values.get(name)
            if not domain.is_numeric or not isinstance(value, (int, float)):
                continue
            if domain.is_range:
                low, high = domain.position(value) <= EDGE, domain.position(value) >= 1 - EDGE
            else:
                numbers = [level for level in domain.levels if not isinstance(level, str)]
                low, high = value <= min(numbers), value >= max(numbers)
                low, high = low and len(numbers) > 1, high and len(numbers) > 1
            end = "lower end" if low else "upper end"
            if (low or high) and (arm, name, end) not in seen:
                seen.add((arm, name, end))
                yield arm, name, end, value


def outermost(record: StudyRecord) -> dict[str, list[str]]:
    """For each range, the arms that selected the lowest or the highest of three or more values that they
    tried.

    Values at an edge of the range itself are not included.
    """
    edges, search = {(arm, name) for arm, name, _, _ in at_edges(record)}, tried(record)
    tunings = search["tuning"] if "tuning" in search else pd.Series(0, search.index)
    found: dict[str, list[str]] = {}
    for name in (n for n, domain in record.nuisance.items() if domain.is_range and n in search):
        for (arm, tuning), selected in record.selected.items():
            own = search.loc[(search["arm"] == arm) & (tunings == tuning), name]
            values = pd.to_numeric(own).dropna().unique()
            outer = len(values) > 2 and selected.get(name) in (values.min(), values.max())
            if outer and (arm, name) not in edges and arm not in found.get(name, []):
                found.setdefault(name, []).append(arm)
    return found


def ends_by_nature(record: StudyRecord, name: str, end: str) -> bool:
    """Whether the hyperparameter itself ends at the end of its range, so that no value lies beyond."""
    field, domain = TrialConfig.model_fields.get(name), record.nuisance[name]
    numbers = [v for v in (domain.low, domain.high, *domain.levels) if isinstance(v, (int, float))]
    side, at = ("ge", min(numbers)) if end == "lower end" else ("le", max(numbers))
    if name == "depth" and end == "upper end" and "model_layers" in record.trials:
        # a student is no deeper than its teacher
        return str(at) in set(record.trials["model_layers"].dropna())
    return field is not None and at in [getattr(rule, side, None) for rule in field.metadata]
