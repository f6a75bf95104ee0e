"""Killed at random moments and at every step of the protocol, a study ends as if nobody had touched it.

`make chaos` runs the long form (KDSTUDY_CHAOS_KILLS kills, KDSTUDY_CHAOS_SEED; of the fault points all, or
those whose names begin with KDSTUDY_CHAOS_POINTS); `make test-long` a short one.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.alone import Alone, check_alone, check_command, settings_of
from tests.chaos.chaos import NAME, Chaos, kinds_of
from tests.chaos.points import Points
from tests.chaos.whole import Whole, check_same
from tests.processes import Kdstudy

Undisturbed = Callable[[], Whole]
TURNS = 14  # kills of one study, before it may come to its end
MOST_STUDIES = 3  # times as many as the kills alone take, until every point has fired


def check(chaos: Chaos, undisturbed: Undisturbed, alone: Alone) -> list[str]:
    """All that is wrong with the study that `chaos` has brought to its end."""
    wrong, whole = list(chaos.crashes), Whole(chaos.home, NAME)
    planned = len(undisturbed().records)  # this study has also made what the trials alone read
    wrong += whole.violations(planned)
    if chaos.concurrency == 1:
        wrong += check_same(whole, undisturbed())
    return wrong + check_alone(whole, alone)


FEW = ["point", "worker", "point"]  # the group is killed after each too


@pytest.mark.long
@pytest.mark.parametrize(
    ("concurrency", "kinds"),
    [(1, FEW), pytest.param(2, [*FEW, "group", "point", "SIGTERM"], marks=pytest.mark.slow)],
    ids=["one at a time", "two at a time"],
)
def test_a_study_that_is_killed_at_random_ends_as_if_it_had_not_been(
    kdstudy: Kdstudy,
    arguments: list[str | Path],
    artifacts: Path,
    undisturbed: Undisturbed,
    alone: Alone,
    tmp_path: Path,
    concurrency: int,
    kinds: list[str],
) -> None:
    seed = int(os.environ.get("KDSTUDY_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    print(f"seed {seed}")
    home = tmp_path / "home"
    shutil.copytree(artifacts, home / "artifacts")
    chaos = Chaos(kdstudy, arguments, home, seed, concurrency, Points(random.Random(seed)))
    chaos.run(kinds)
    whole = Whole(home, NAME)
    confirmed = next(record for record in whole.records if record.phase == "confirm")
    trial = kdstudy.start("trial", *arguments[2:], "--home", home, *settings_of(confirmed), "--json")
    wrong = check(chaos, undisturbed, alone) + check_command(whole, confirmed, trial)
    assert not wrong, f"seed {seed}, {dict(chaos.kills)}: {wrong}"


@pytest.mark.chaos
def test_hundreds_of_kills_break_no_promise(
    kdstudy: Kdstudy,
    arguments: list[str | Path],
    artifacts: Path,
    undisturbed: Undisturbed,
    alone: Alone,
    tmp_path: Path,
) -> None:
    """So many kills, and on until every fault point has fired, before and after."""
    wanted = int(os.environ.get("KDSTUDY_CHAOS_KILLS", "200"))
    first = int(os.environ.get("KDSTUDY_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    points = Points(random.Random(first), os.environ.get("KDSTUDY_CHAOS_POINTS", ""))
    kills = Counter[str]()
    violations, began, study = [], time.monotonic(), 0
    most = MOST_STUDIES * max(wanted // TURNS, len(points.wanted()) // TURNS + 1)
    while kills.total() < wanted or (points.never_fired() and study < most):
        seed = first + study
        home = tmp_path / f"home-{study}"
        under_fire = study % 4 == 0  # the base model, the teacher and its outputs too
        if not under_fire:
            shutil.copytree(artifacts, home / "artifacts")
        chaos = Chaos(kdstudy, arguments, home, seed, 1 + study % 2, points)
        opening = ["point", "preparing", "point", "preparing", "point"] if under_fire else ["point"]
        chaos.run(opening + kinds_of(chaos.draw, TURNS))
        wrong = check(chaos, undisturbed, alone)
        violations += [f"seed {seed}, concurrency {chaos.concurrency}: {each}" for each in wrong]
        kills += chaos.kills
        minutes = (time.monotonic() - began) / 60
        left = f"{len(points.never_fired())} of {len(points.wanted())} points to come"
        print(f"seed {seed}: {chaos.kills.total()} kills, {len(wrong)} violations; {kills.total()} kills, "
              f"{len(violations)} violations, {left}, "
              f"in {minutes:.0f} min", flush=True)  # fmt: skip
        study += 1
    for kind, count in sorted(Counter(kind.partition(" ")[0] for kind in kills.elements()).items()):
        print(f"{count:5d}  {kind}")
    print(points.table())
    assert not violations, violations
    assert points.never_fired() == []
