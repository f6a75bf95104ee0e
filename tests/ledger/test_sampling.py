"""Samplers: proposals do not depend on kills; grids and designs are complete and even."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import optuna
import pytest

from study.ledger.ledger import Ledger
from study.ledger.records import State
from study.ledger.sampling import fixed_sampler, make_sampler
from study.planning.plan import Plan
from study.planning.samplers import samplers
from study.space import Range

MakePlan = Callable[..., Plan]
OpenLedger = Callable[..., Ledger]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

RANGES = {
    "learning_rate": Range(low=1e-4, high=1e-2, log=True),
    "temperature": Range(low=1, high=8),
    "batch_size": (8, 16, 32),
}
LEVELS = {"learning_rate": (1e-4, 1e-3), "temperature": (1.0, 2.0, 4.0), "warmup": (0.0, 0.1)}
SPACES: dict[str, dict[str, Any]] = {
    name: {"nuisance": LEVELS if sampler.needs_levels else RANGES} for name, sampler in samplers().items()
}
TRIALS = 7  # the last two are TPE's own, after its random start


def run(
    plan: Plan, open_ledger: OpenLedger, database: str, killed: Collection[int] = ()
) -> list[dict[str, Any]]:
    """Run the search; returns the configurations. killed: the asks that a killed process began first."""
    asked: list[dict[str, Any]] = []
    ledger = open_ledger(plan, database)
    while True:
        if len(asked) in killed:
            die_inside_ask(ledger, plan)
            ledger = open_ledger(plan, database)
        if (record := ledger.ask_search()) is None:
            return asked
        asked.append(record.config.model_dump())
        ledger.tell(record, State.COMPLETE, 1 / (1 + record.config.learning_rate) + record.config.warmup)


def die_inside_ask(ledger: Ledger, plan: Plan) -> None:
    """Leave in every arm what a kill leaves: a trial with one of its parameters and without a key."""
    rate = plan.space.nuisance["learning_rate"]
    for arm in plan.arms():
        trial = ledger.studies.get(f"{plan.name}/search/{arm.name}").ask()
        if isinstance(rate, Range):
            trial.suggest_float("learning_rate", rate.low, rate.high, log=rate.log)
        else:
            trial.suggest_categorical("learning_rate", rate)


@pytest.mark.parametrize("sampler", SPACES)
def test_suggestions_are_the_same_with_a_kill_before_every_trial(
    make_plan: MakePlan, open_ledger: OpenLedger, sampler: str
) -> None:
    plan = make_plan(sampler=sampler, trials=TRIALS, **SPACES[sampler])
    undisturbed = run(plan, open_ledger, "undisturbed")
    assert len(undisturbed) == TRIALS
    assert run(plan, open_ledger, "killed", killed=range(TRIALS)) == undisturbed


@pytest.mark.parametrize("sampler", ["tpe", "random", "quasi"])
def test_no_suggestion_repeats_and_seeds_differ(
    make_plan: MakePlan, open_ledger: OpenLedger, sampler: str
) -> None:
    rates = [
        [config["learning_rate"] for config in run(plan, open_ledger, f"seed-{plan.space.seed}")]
        for plan in (make_plan(sampler=sampler, trials=6, seed=seed, nuisance=RANGES) for seed in (0, 1))
    ]
    assert len(set(rates[0] + rates[1])) == 12


def test_arms_draw_apart_at_random_and_alike_from_a_design(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    for sampler, alike in (("random", False), ("tpe", False), ("quasi", True)):
        plan = make_plan(sampler=sampler, scientific={"init": ("base", "teacher")}, nuisance=RANGES)
        asked = run(plan, open_ledger, sampler)
        arms = [[c["learning_rate"] for c in asked if c["init"] == init] for init in ("base", "teacher")]
        assert (arms[0] == arms[1]) is alike


def test_an_inert_dimension_moves_no_other_point_of_a_design(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    plan = make_plan(sampler="quasi", scientific={"alpha": (1.0, 0.5)}, nuisance=RANGES, trials=4)
    asked = run(plan, open_ledger, "quasi")
    rates = [[c["learning_rate"] for c in asked if c["alpha"] == alpha] for alpha in (1.0, 0.5)]
    assert rates[0] == rates[1]


def test_a_design_fills_every_range(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    """Each quarter of each range holds two of eight points, and each of three levels is used."""
    plan = make_plan(sampler="quasi", nuisance=RANGES, trials=8)
    asked = run(plan, open_ledger, "quasi")
    quarters = sorted(int((config["temperature"] - 1) / 7 * 4) for config in asked)
    assert quarters == [0, 0, 1, 1, 2, 2, 3, 3]
    decades = sorted(int(config["learning_rate"] >= 1e-3) for config in asked)  # logarithmic
    assert decades == [0] * 4 + [1] * 4
    assert {config["batch_size"] for config in asked} == {8, 16, 32}


def test_a_grid_meets_every_point_once_and_ends(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan(sampler="grid", scientific={"alpha": (1.0, 0.5)}, nuisance=LEVELS, trials=100)
    asked = run(plan, open_ledger, "grid")
    met = [(c["alpha"], c["learning_rate"], c["temperature"], c["warmup"]) for c in asked]
    assert len(met) == len(set(met)) == 4 + 12  # temperature is no dimension at alpha = 1


@pytest.mark.parametrize("sampler", ["tpe", "random", "quasi"])
def test_a_finite_space_is_exhausted_exactly(
    make_plan: MakePlan, open_ledger: OpenLedger, sampler: str
) -> None:
    plan = make_plan(
        sampler=sampler, scientific={"alpha": (1.0, 0.5)}, nuisance=LEVELS, trials=100, confirm_seeds=0
    )
    asked = run(plan, open_ledger, sampler)
    met = {(c["alpha"], c["learning_rate"], c["temperature"], c["warmup"]) for c in asked}
    assert len(asked) == len(met) == 4 + 12


def test_a_point_is_proposed_as_it_is() -> None:
    study = optuna.create_study(sampler=fixed_sampler({"warmup": 0.1, "batch_size": 16}))
    trial = study.ask()
    assert trial.suggest_categorical("warmup", (0.0, 0.1)) == 0.1
    assert trial.suggest_categorical("batch_size", (8, 16)) == 16


def test_the_nth_sampler_is_made_anew_and_draws_the_same(make_plan: MakePlan) -> None:
    plan = make_plan(sampler="random")
    (arm,) = plan.arms()

    def draw(n: int) -> float:
        study = optuna.create_study(sampler=make_sampler(plan, arm, n))
        return study.ask().suggest_float("learning_rate", 0, 1)

    assert draw(0) == draw(0) != draw(1)
