"""What a plan can detect: the difference between two arms that its seeds and trials are likely to show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.statistics.power import Pilot, detectable, tuning_with

if TYPE_CHECKING:
    from study.home import Home
    from study.planning.plan import Plan

__all__ = ["Detects", "detects_of", "power_lines"]

EMBEDDED = Pilot(noise=0.045, df=10, tuning=0.017, trials=6)
"""The finished quickstart, as `kdstudy plan quickstart --name other` showed it."""
MORE = (1.5, 2, 3)
"""Times the planned confirm seeds or search trials, for which the plan says what they would buy."""


@dataclass(frozen=True)
class Detects:
    """difference: between two arms, as a share of 1, shown in 80% of studies with `seeds` and `trials`.

    more_seeds, more_trials: the difference with more of the one, by their number. more_trials is empty if
    nothing is tuned, or if grids have no more points. noise: the standard deviation that a run adds to macro
    accuracy. tuning: the standard error that tuning adds to the difference, 0 if nothing is tuned. measured:
    where both were measured. The part of the test texts is not known before the study.
    """

    seeds: int
    trials: int
    difference: float
    more_seeds: dict[int, float]
    more_trials: dict[int, float]
    noise: float
    tuning: float
    measured: str


def detects_of(plan: Plan, home: Home, trials: int) -> Detects | None:
    """What `plan` can detect with `trials` search trials of each arm and tuning.

    None if the plan has one arm or fewer than two confirm seeds.

    Noise and tuning are those of the study in `home` with the same task and the most runs; if there is none,
    those of the study of the embedded task.
    """
    seeds, arms = plan.space.confirm_seeds, plan.arms()
    if len(arms) < 2 or seeds < 2:
        return None
    pilot, measured = _pilot(home, str(plan.constants["task"])) or (EMBEDDED, "the embedded task")

    def tuning(trials: int) -> float:
        tuned = any(plan.tuned(arm) for arm in arms)
        return tuning_with(pilot.tuning, pilot.trials, trials) / math.sqrt(plan.tunings) if tuned else 0.0

    def more(planned: int) -> list[int]:
        return [int(planned * times + 0.5) for times in MORE]

    open_ended = tuning(trials) > 0 and bool(plan.ranges)
    return Detects(
        seeds,
        trials,
        detectable(pilot.noise, seeds, tuning(trials)),
        {count: detectable(pilot.noise, count, tuning(trials)) for count in more(seeds)},
        {count: detectable(pilot.noise, seeds, tuning(count)) for count in more(trials) if open_ended},
        pilot.noise,
        tuning(trials),
        measured,
    )


def _pilot(home: Home, task: str) -> tuple[Pilot, str] | None:
    """The study of `task` in `home` with the most runs, as a pilot, and its name in words."""
    from analysis.record.reading import read_study
    from analysis.search.pilot import pilot_of
    from study.errors import RequestError, StudyStopped
    from study.ledger.study import OpenStudy

    found: list[tuple[int, str, Pilot]] = []
    for name in home.studies():
        try:
            study = OpenStudy.at(home, name, looks=True)
            if study.ledger.require_plan().constants["task"] != task:  # its whole record is not read
                continue
            record = read_study(study.urls["tracking_uri"], name)
        except (RequestError, StudyStopped):  # nothing is on record yet, or a server or a file is away
            continue
        if pilot := pilot_of(record):
            found.append((pilot.df, f"study {name}", pilot))
    if not found:
        return None
    _, measured, pilot = max(found, key=lambda each: each[:2])
    return pilot, measured


def power_lines(detects: Detects | None) -> Iterator[str]:
    """What a plan can detect, in words; nothing if that is not known."""
    if detects is None:
        return

    def points(share: float) -> str:
        return f"{100 * share:.1f}"

    yield (
        f"detects: a difference of {points(detects.difference)} points between two arms, in 8 of 10 studies "
        f"(noise of a run {points(detects.noise)}"
        + (f", tuning {points(detects.tuning)}" if detects.tuning else "")
        + f" points, from {detects.measured}; test texts are not counted)"
    )
    seeds = ", ".join(f"{points(gap)} with {count}" for count, gap in detects.more_seeds.items())
    yield f"  more seeds, instead of {detects.seeds}: {seeds}"
    if detects.more_trials:
        trials = ", ".join(f"{points(gap)} with {count}" for count, gap in detects.more_trials.items())
        yield f"  more trials an arm, instead of {detects.trials}: {trials}"
