"""The plan is on record from the first opening, and another plan under the same name is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.errors import RequestError
from study.ledger.ledger import Ledger
from study.planning.plan import Plan
from study.space import Range
from tests.ledger.trials import ARMS, ask

MakePlan = Callable[..., Plan]
OpenLedger = Callable[..., Ledger]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_the_study_has_one_id_for_ever(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    plan = make_plan()
    first = open_ledger(plan).study_id
    assert len(first) == 32
    assert open_ledger(plan).study_id == first
    assert open_ledger(plan, "other").study_id != first


def test_a_plan_is_on_record_from_the_first_opening(
    make_plan: MakePlan, open_ledger: OpenLedger, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    assert Ledger(url, "demo").plan is None
    plan = make_plan(**ARMS)
    open_ledger(plan)
    assert Ledger(url, "demo").plan == plan
    with pytest.raises(
        RequestError, match=r"^other: was interrupted before its plan was written; run it again$"
    ):
        Ledger(url, "other").records()


def test_an_opening_killed_before_the_plan_was_written_is_repeated(
    make_plan: MakePlan, open_ledger: OpenLedger, tmp_path: Path
) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'optuna.db'}", "demo")
    ledger.studies.get("demo").set_user_attr("id", "drawn")
    again = open_ledger(make_plan())
    assert again.study_id == "drawn"
    assert again.plan == make_plan()


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"task": "d" * 64}, "constants.task: aaaaaaaaaaaa..., now dddddddddddd..."),
        ({"model": "e" * 64}, "constants.model: bbbbbbbbbbbb..., now eeeeeeeeeeee..."),
        ({"teacher": "f" * 64}, "constants.teacher: , now ffffffffffff..."),
        ({"fixed": {"steps": 9}}, "space.fixed.steps: None, now 9"),
        ({"reports": 4}, "space.reports: 3, now 4"),
        ({"sampler": "random"}, "space.sampler: tpe, now random"),
        (
            {"nuisance": {"learning_rate": Range(low=1e-4, high=1e-1, log=True)}},
            "space.nuisance.learning_rate.high: 0.01, now 0.1",
        ),
        (
            {"scientific": {"init": ("random", "base")}},
            "space.scientific.init: ['random', 'base', 'teacher'], now ['random', 'base']",
        ),
    ],
)
def test_another_study_under_the_same_name_is_refused_with_the_difference(
    make_plan: MakePlan, open_ledger: OpenLedger, changes: dict[str, Any], shown: str
) -> None:
    open_ledger(make_plan(**ARMS))
    with pytest.raises(RequestError) as error:
        open_ledger(make_plan(**ARMS | changes, trials=50))
    assert str(error.value) == f"study demo was begun otherwise: {shown}; choose another --name"
    plan = open_ledger(make_plan(**ARMS)).plan
    assert plan is not None
    assert plan.space.trials == 4


def test_all_differences_are_shown_in_one_line(make_plan: MakePlan, open_ledger: OpenLedger) -> None:
    open_ledger(make_plan())
    with pytest.raises(RequestError, match=r"^[^\n]*constants.task: [^\n]*; space.pruner: [^\n]*$"):
        open_ledger(make_plan(task="d" * 64, pruner="median"))


def test_hyperparameters_in_another_order_are_the_same_study(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    """Arms keep the names that are on record."""
    scientific = {"init": ("random", "base"), "alpha": (1.0, 0.5)}
    ledger = open_ledger(make_plan(scientific=scientific, trials=1))
    asked = [ask(ledger)]
    again = open_ledger(make_plan(scientific=dict(reversed(scientific.items())), trials=1))
    while (record := again.ask_search()) is not None:
        asked.append(record)
    assert [r.arm for r in asked] == [
        f"init={init} alpha={alpha}" for init in ("random", "base") for alpha in (1.0, 0.5)
    ]


@pytest.mark.parametrize(
    ("again", "refusal"),
    [
        ({"seed_block": 6, "exact": ("seed_block",)}, "was begun otherwise: seed_block: 5, now 6; choose"),
        ({"tunings": 1, "exact": ("tunings",)}, "was begun with 2 tunings: --tunings may be more, not 1"),
    ],
)
def test_another_draw_or_fewer_tunings_are_refused(
    make_plan: MakePlan, open_ledger: OpenLedger, again: dict[str, Any], refusal: str
) -> None:
    ledger = open_ledger(make_plan(seed_block=5, tunings=2))
    ledger.check(make_plan(seed_block=99))  # the user left the block open
    with pytest.raises(RequestError) as error:
        ledger.check(make_plan(**{"seed_block": 5, "tunings": 2} | again))
    assert refusal in str(error.value)


def test_a_study_that_began_before_keeps_its_draw_and_its_rule(
    make_plan: MakePlan, open_ledger: OpenLedger
) -> None:
    """Its stored plan lacks the new fields, and the same command by this version has other values of them."""
    ledger = open_ledger(make_plan())
    root = ledger.studies.get("demo")
    stored = json.loads(root.user_attrs["plan"])
    for field in ("selection", "seed_block", "tunings", "reports_start"):
        del stored[field]
    root.set_user_attr("plan", json.dumps(stored))
    plan = open_ledger(make_plan(seed_block=4711, trials=9)).require_plan()
    assert (plan.selection, plan.seed_block, plan.tunings, plan.space.trials) == ("best tried", 0, 1, 9)
