"""Commands that lift findings of the audit."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from analysis.record.domain import Domain, parse_value
from analysis.record.study_record import StudyRecord
from analysis.search.tuning import at_edges, ends_by_nature
from study.config import TrialConfig

__all__ = [
    *("ENOUGH_SEEDS", "REST", "more_seeds", "resume", "steadier_students", "steadier_teacher", "sync"),
    "wider_ranges",
]

REST = "..."
"""In a command: the rest of the command that began the study, which the record does not have."""

ENOUGH_SEEDS = 5
"""The confirm seeds that a remedy asks for: the interval of three seeds is 1.6 times as wide."""

LONG_WARMUP = 0.3
"""The share of the steps that a remedy asks for."""

FURTHER = 3.0
"""A logarithmic range is widened by this factor at an end; another range by its own width."""


def resume(record: StudyRecord, option: str = "") -> str:
    """The command that continues the study."""
    return " ".join(filter(None, ("kdstudy resume", shlex.quote(record.name), option)))


def sync(record: StudyRecord) -> str:
    """The command that sends MLflow the trials that MLflow lacks."""
    return f"kdstudy status {shlex.quote(record.name)} --sync"


def more_seeds() -> str:
    """The command that confirms more seeds in the same study."""
    return f"kdstudy run {REST} --confirm-seeds {ENOUGH_SEEDS}"


def _another_run(record: StudyRecord, suffix: str, settings: Iterable[str]) -> str:
    """The command that runs the study again, under another name and with other values."""
    values = " ".join(f"--set {shlex.quote(setting)}" for setting in settings)
    return f"kdstudy run {REST} --name {shlex.quote(f'{record.name}-{suffix}')} {values}"


def steadier_teacher(record: StudyRecord) -> str:
    """The command of a study whose teachers have a lower learning rate; "" if the rate was not fixed."""
    name = "teacher_learning_rate"
    rate = parse_value(record.fixed.get(name, ""))
    if isinstance(rate, str) or record.facts.get("teacher"):
        return ""
    return _another_run(record, "steadier", [f"{name}={rate / FURTHER:.3g}"])


def steadier_students(record: StudyRecord) -> str:
    """The command of a study whose students have a longer warm-up; "" if the warm-up was not fixed.

    A long warm-up keeps students from ending at chance (Mosbach, Andriushchenko and Klakow 2021, arXiv
    2006.04884).
    """
    warmup = parse_value(record.fixed.get("warmup", ""))
    if isinstance(warmup, str) or warmup >= LONG_WARMUP:
        return ""
    return _another_run(record, "warmer", [f"warmup={LONG_WARMUP}"])


def wider_ranges(record: StudyRecord) -> str:
    """The command of a study that tunes beyond every end at which an arm selected a value; "" without one."""
    ends = {(name, end) for _, name, end, _ in at_edges(record) if not ends_by_nature(record, name, end)}
    wider = dict(record.nuisance)
    for name, end in sorted(ends):
        further = _wider_range if wider[name].is_range else _wider_grid
        wider[name] = further(name, wider[name], end == "lower end")
    settings = [
        f"{name}={_as_setting(domain)}" for name, domain in wider.items() if domain != record.nuisance[name]
    ]
    return _another_run(record, "wider", settings) if settings else ""


def _wider_range(name: str, domain: Domain, lower: bool) -> Domain:
    assert domain.low is not None
    assert domain.high is not None
    low, high, width = domain.low, domain.high, domain.high - domain.low
    if lower:
        low = _possible(name, low / FURTHER if domain.log else low - width, low)
    else:
        high = _possible(name, high * FURTHER if domain.log else high + width, high)
    return Domain(low, high, domain.log)


def _wider_grid(name: str, domain: Domain, lower: bool) -> Domain:
    """With one more level, as far from the end as the end is from its neighbour."""
    levels = sorted(level for level in domain.levels if not isinstance(level, str))
    end, inner = (levels[0], levels[1]) if lower else (levels[-1], levels[-2])
    further = end * end / inner if end > 0 and inner > 0 else 2 * end - inner
    whole = all(isinstance(level, int) for level in levels)
    new = _possible(name, round(further) if whole else further, end)
    if new == end:
        return domain
    return Domain(levels=(new, *domain.levels) if lower else (*domain.levels, new))


def _possible(name: str, value: float, end: float) -> float:
    """`value` as far as the hyperparameter has values between `end` and `value`."""
    field = TrialConfig.model_fields.get(name)
    for rule in field.metadata if field is not None else ():
        value = max(value, getattr(rule, "ge", value))
        value = min(value, getattr(rule, "le", value))
        if value <= getattr(rule, "gt", value - 1):
            value = end / 2
    return value


def _as_setting(domain: Domain) -> str:
    if domain.is_range:
        return f"{domain.low:.3g}..{domain.high:.3g}"
    return ",".join(f"{level:.4g}" if isinstance(level, float) else str(level) for level in domain.levels)
