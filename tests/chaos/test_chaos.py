"""Killed at random moments and at every step of the protocol, a study ends as if nobody had touched it.

`make chaos` runs the long form (KDSTUDY_CHAOS_KILLS kills, KDSTUDY_CHAOS_SEED); `make test` a short one.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.chaos import KINDS, NAME, Chaos, Whole
from tests.processes import Kdstudy


def facts(whole: Whole) -> dict[str, tuple[Any, ...]]:
    """Key -> how its trial ended, in the order of the suggestions."""
    return {r.key: (r.phase, r.arm, r.outcome, r.value, whole.metrics.get(r.key)) for r in whole.records}


def check_same(whole: Whole, undisturbed: Whole) -> list[str]:
    """At concurrency 1: the very same suggestions in the same order, outcomes and numbers."""
    ours, theirs = facts(whole), facts(undisturbed)
    names = ("phase", "arm", "outcome", "value", "metrics")
    wrong = [
        f"{key[:8]}: another {name}"
        for key in ours.keys() & theirs.keys()
        for name, one, other in zip(names, ours[key], theirs[key], strict=True)
        if one != other
    ]
    return wrong + ([] if list(ours) == list(theirs) else ["other suggestions, or in another order"])


def check_alone(whole: Whole, scratch: Path, keys: int) -> list[str]:
    """Each of some keys against the trial run alone, on the steps that both have: equal to the bit."""
    from study.trial import run_trial
    from study.trial.artifacts import Store
    from study.trial.training import Numerics

    wrong, store = [], Store(whole.home / "artifacts")
    for record in random.Random(0).sample(whole.records, keys):
        test = record.phase == "confirm"
        folder = scratch / record.key
        alone: dict[tuple[str, int], float] = {}
        for progress in run_trial(record.trial_config(), store, folder, 4, test, Numerics.here(1)):
            report = asdict(progress)
            if report["validation"]:
                for language, value in report["validation"]["accuracy"]["by_language"].items():
                    alone[f"validation/accuracy/{language}", report["step"]] = value
        on_record = whole.metrics[record.key]
        both = alone.keys() & on_record.keys()
        if not both or any(on_record[at] != [alone[at]] for at in both):
            wrong.append(f"{record.key[:8]}: another trial than alone")
    return wrong


def kinds_of(draw: random.Random, disturbances: int) -> Any:
    """Mostly what comes while trials run: workers and groups killed, signals; a third at fault points."""
    weights = dict(zip(KINDS, (3, 3, 4, 1, 1), strict=True))
    return lambda turn: draw.choices(*zip(*weights.items(), strict=True))[0] if turn < disturbances else None


def check(whole: Whole, chaos: Chaos, undisturbed: Whole, scratch: Path, keys: int) -> list[str]:
    wrong = whole.violations()
    if chaos.concurrency == 1:
        wrong += check_same(whole, undisturbed)
    return wrong + check_alone(whole, scratch, keys)


@pytest.mark.parametrize("concurrency", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_study_that_is_killed_at_random_ends_as_if_it_had_not_been(
    kdstudy: Kdstudy, arguments: list[str | Path], undisturbed: Whole, tmp_path: Path, concurrency: int
) -> None:
    seed = int(os.environ.get("KDSTUDY_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    print(f"seed {seed}")
    home = tmp_path / "home"
    shutil.copytree(undisturbed.home / "artifacts", home / "artifacts")
    chaos = Chaos(kdstudy, arguments, home, seed, concurrency)
    order = iter(("worker", "point", "group", "point", "SIGTERM", "point"))
    chaos.run(lambda turn: next(order, None))
    wrong = check(Whole(home, NAME), chaos, undisturbed, tmp_path / "alone", keys=3)
    assert not wrong, f"seed {seed}, {dict(chaos.kills)}: {wrong}"


@pytest.mark.chaos
def test_hundreds_of_kills_break_no_promise(
    kdstudy: Kdstudy, arguments: list[str | Path], undisturbed: Whole, tmp_path: Path
) -> None:
    wanted = int(os.environ.get("KDSTUDY_CHAOS_KILLS", "200"))
    first = int(os.environ.get("KDSTUDY_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    kills: Counter[str] = Counter()
    violations, began, study = [], time.monotonic(), 0
    while kills.total() < wanted:
        seed = first + study
        home = tmp_path / f"home-{study}"
        under_fire = study % 4 == 0  # the base model, the teacher and its outputs too
        if not under_fire:
            shutil.copytree(undisturbed.home / "artifacts", home / "artifacts")
        chaos = Chaos(kdstudy, arguments, home, seed, concurrency=1 + study % 2)
        kinds = kinds_of(chaos.draw, 14)
        chaos.run(lambda turn: "preparing" if turn < 3 and under_fire else kinds(turn))  # noqa: B023
        wrong = check(Whole(home, NAME), chaos, undisturbed, tmp_path / "alone", keys=6)
        violations += [f"seed {seed}, concurrency {chaos.concurrency}: {each}" for each in wrong]
        kills += chaos.kills
        minutes = (time.monotonic() - began) / 60
        print(f"seed {seed}: {chaos.kills.total()} kills, {len(wrong)} violations; {kills.total()} kills, "
              f"{len(violations)} violations in {minutes:.0f} min", flush=True)  # fmt: skip
        study += 1
    for kind, count in sorted(kills.items()):
        print(f"{count:5d}  {kind}")
    assert not violations, violations
