"""What a plan can detect: the difference between two arms that its confirm seeds are likely to show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from study.home import Home
    from study.planning.plan import Plan

__all__ = ["Detects", "detects_of", "power_lines"]

EMBEDDED = 0.024
"""The noise of one run in the finished quickstart, as `kdstudy plan quickstart --name other` showed it."""
MORE = (1.5, 2, 3)
"""Times the planned confirm seeds, for which the plan says what they would buy."""


@dataclass(frozen=True)
class Detects:
    """difference: between two arms, as a share of 1, shown in 80% of studies. more: seeds -> difference.

    Only the noise of runs is counted; the parts of test texts and tuning are not known before the study.

    noise: the standard deviation that a run adds to macro accuracy; measured: where it was measured.
    """

    seeds: int
    difference: float
    more: dict[int, float]
    noise: float
    measured: str


def detects_of(plan: Plan, home: Home) -> Detects | None:
    """What `plan` can detect; None if the plan has one arm or fewer than two confirm seeds.

    The noise of a run is that of the study in `home` with the same task and the most runs; if there is none,
    that of the study of the embedded task.
    """
    from analysis.statistics.power import detectable

    seeds = plan.space.confirm_seeds
    if len(plan.arms()) < 2 or seeds < 2:
        return None
    noise, measured = _measured(home, str(plan.constants["task"])) or (EMBEDDED, "the embedded task")
    more = {int(seeds * times + 0.5): 0.0 for times in MORE}
    return Detects(
        seeds,
        detectable(noise, seeds),
        {count: detectable(noise, count) for count in more},
        noise,
        measured,
    )


def _measured(home: Home, task: str) -> tuple[float, str] | None:
    from analysis.record.design import confirmed
    from analysis.record.study_record import read_study
    from analysis.statistics.conclusion import macro_by_seed
    from analysis.statistics.effects.runs import runs_of
    from analysis.statistics.power import run_noise
    from study.errors import RequestError, StudyStopped
    from study.ledger.study import OpenStudy

    found: list[tuple[int, float, str]] = []
    for name in home.studies():
        try:
            study = OpenStudy.at(home, name, looks=True)
            if study.ledger.require_plan().constants["task"] != task:  # its whole record is not read
                continue
            record = read_study(study.urls["tracking_uri"], name)
        except (RequestError, StudyStopped):  # nothing is on record yet, or a server or a file is away
            continue
        noise, df = run_noise(macro_by_seed(runs_of(confirmed(record), {})))
        if df:
            found.append((df, noise, f"study {name}"))
    return max(found)[1:] if found else None


def power_lines(detects: Detects | None) -> Iterator[str]:
    """What a plan can detect, in words; nothing if that is not known."""
    if detects is None:
        return
    more = ", ".join(f"{100 * gap:.1f} with {seeds} seeds" for seeds, gap in detects.more.items())
    yield (
        f"detects: a difference of {100 * detects.difference:.1f} points between two arms, in 8 of 10 "
        f"studies; {more} (by runs' noise alone: {100 * detects.noise:.1f} points, from {detects.measured})"
    )
