"""What a plan costs: what a reader can work out, and what finished trials tell of time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.cli.cost import Cost, cost_of, time_of
from study.cli.plan import cost_lines
from study.home import Home
from study.ledger.ledger import Ledger
from study.planning.request import Request
from study.planning.resolve import Resolved, resolve
from study.space import SearchSpace
from study.storage.artifacts import Store
from study.storage.attempts import attempt_folder, write_ending

Ask = Callable[..., Resolved]


@pytest.fixture
def ask(task_folder: Path, model_folder: Path, tmp_path: Path) -> Ask:
    """Three languages of 80 training texts each."""

    def resolved(**roles: Any) -> Resolved:
        budgets = {"question": "why?", "trials": 3, "confirm_seeds": 2}
        request = Request("demo", task=str(task_folder), model=str(model_folder))
        return resolve(request, "demo", SearchSpace(**budgets | roles), Store(tmp_path / "store"))

    return resolved


BOTH = {"init": ("random", "teacher")}
RATE = {"learning_rate": (1e-4, 1e-3, 1e-2)}


def test_trials_and_their_steps_are_counted(ask: Ask) -> None:
    cost = cost_of(ask(scientific=BOTH, nuisance=RATE, fixed={"steps": 50, "teacher_steps": 70}))
    assert cost == Cost(2, search=6, confirm=4, trials=10, steps=500, teachers=1, teacher_steps=70)


def test_epochs_count_as_the_steps_that_the_arms_texts_make(ask: Ask) -> None:
    fixed = {"epochs": 2, "batch_size": 16}
    cost = cost_of(ask(scientific={"data_fraction": (0.1, 1.0)}, nuisance=RATE, fixed=fixed))
    assert cost.steps == 5 * 2 * 2 + 5 * 2 * 15  # 24 texts make 2 batches, 240 make 15


def test_each_arm_counts_its_own_steps_and_a_tuned_number_its_most(ask: Ask) -> None:
    assert cost_of(ask(scientific={"steps": (50, 100)}, nuisance=RATE)).steps == 5 * 50 + 5 * 100
    assert cost_of(ask(nuisance={"steps": (50, 100, 150)})).steps == 5 * 150


def test_teachers_of_the_students_sample_are_one_a_sample_and_seed(ask: Ask) -> None:
    roles = {"data_fraction": (0.1, 0.5, 1.0), "teacher_data": ("full", "same")}
    assert cost_of(ask(scientific=roles, nuisance=RATE)).teachers == 1 + 2 * 3


def test_teacher_seeds_can_be_crossed_with_the_question(ask: Ask) -> None:
    cost = cost_of(ask(scientific=BOTH | {"teacher_seed": (0, 1, 2)}, nuisance=RATE))
    assert (cost.arms, cost.teachers) == (6, 3)


def test_time_is_not_known_before_a_trial_has_ended(ask: Ask, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert time_of(ask(scientific=BOTH), home) is None
    assert not (tmp_path / "home").exists()


def end_next(ledger: Ledger, home: Home, seconds: float | None, outcome: Any) -> None:
    """Have the next search trial, of 100 steps, end after so many seconds."""
    record = ledger.ask_search()
    assert record is not None
    ledger.begin_attempt(record)
    if seconds is not None:
        own = attempt_folder(home.trials("demo") / record.key, 1)
        own.mkdir(parents=True)
        write_ending(own, [], {"seconds": seconds, "steps": 100})
    ledger.tell(record, outcome, 0.5 if outcome == "complete" else None)


def test_time_is_judged_arm_by_arm_from_trials_that_have_ended(
    ask: Ask, tmp_path: Path, fast_sqlite: None
) -> None:
    home = Home(tmp_path / "home")
    resolved = ask(scientific=BOTH, nuisance=RATE, fixed={"steps": 100})
    urls = home.begin("demo", {})
    ledger = Ledger(urls["ledger_url"], "demo")
    ledger.open(resolved.plan)
    for seconds, outcome in ((30.0, "complete"), (50.0, "complete"), (None, "pruned")):
        end_next(ledger, home, seconds, outcome)
    found = time_of(resolved, home)
    assert found is not None
    assert found.measured == 2
    assert found.hours == pytest.approx(5 * (30 + 50) / 3600)
    # round-robin: one arm has two trials behind it, the other one
    assert found.left == pytest.approx((3 * 30 + 4 * 50) / 3600)
    larger = ask(scientific=BOTH, nuisance=RATE, fixed={"steps": 100}, confirm_seeds=5)
    more = time_of(larger, home)
    assert more is not None
    assert (more.hours, more.left) == pytest.approx((8 * 80 / 3600, found.left + 3 * 80 / 3600))
    for other in ({"fixed": {"steps": 50}}, {"fixed": {"steps": 100, "batch_size": 8}}):  # another pace
        assert time_of(ask(scientific=BOTH, nuisance=RATE, **other), home) is None


def test_time_knows_the_arms_by_the_names_that_are_on_record(
    ask: Ask, tmp_path: Path, fast_sqlite: None
) -> None:
    """A space whose factors stand in another order is the same one; its arms are named otherwise."""
    home, factors = Home(tmp_path / "home"), BOTH | {"depth": (1, 2)}
    resolved = ask(scientific=factors, nuisance=RATE, fixed={"steps": 100})
    turned = ask(scientific=dict(reversed(factors.items())), nuisance=RATE, fixed={"steps": 100})
    assert turned.plan.arms()[0].name != resolved.plan.arms()[0].name
    ledger = Ledger(home.begin("demo", {})["ledger_url"], "demo")
    ledger.open(resolved.plan)
    for seconds in (10.0, 20.0, 30.0, 40.0):
        end_next(ledger, home, seconds, "complete")
    assert time_of(turned, home) == time_of(resolved, home) is not None


def test_what_is_said_of_cost_and_time() -> None:
    from study.cli.cost import Time

    cost = Cost(2, 6, 4, 10, 500, 1, 70)
    assert list(cost_lines(cost, None, 2)) == ["10 trials, 500 trial-steps in all", "1 teacher, 70 steps"]
    *_, line = cost_lines(cost, Time(4, 3.0, 1.5), 2)
    assert line == "time: 3.0 hours of trials, 1.5 of them left, 2 at once: 0.8 hours (judged from 4)"
    *_, line = cost_lines(cost, Time(4, 3.0, 1.5), None)
    assert line == "time: 3.0 hours of trials, 1.5 of them left (judged from 4)"
