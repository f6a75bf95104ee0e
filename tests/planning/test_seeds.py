"""Seed blocks: a study of another name is another draw, and the same name is the same draw anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from study.errors import RequestError
from study.ledger.sampling import make_sampler
from study.planning.plan import ModelFacts, Plan
from study.planning.samplers import find_sampler
from study.planning.seeds import MOST_CONFIRM_SEEDS, block_of, check_seeds, sampler_seed
from study.space import Range, SearchSpace

MakePlan = Callable[..., Plan]


def made(name: str, **more: Any) -> Plan:
    rate = {"learning_rate": Range(low=1e-4, high=1e-2, log=True)}
    space = SearchSpace(question="?", nuisance=rate, trials=4, confirm_seeds=2, **more)
    return Plan.make(name, space, "a" * 64, ModelFacts("b" * 64, 6, 1e-3), "", {})


def points(plan: Plan) -> list[float]:
    point = find_sampler("quasi").point
    assert point is not None
    return [point(plan, plan.arms()[0], n)["learning_rate"] for n in range(4)]


def test_the_block_follows_from_the_name_alone() -> None:
    """These numbers are on record in users' studies: they may never change."""
    assert [block_of(name) for name in ("quickstart", "depth")] == [91259, 70621]
    assert made("quickstart").seed_block == 91259


def test_another_name_is_another_draw_of_points_seeds_and_data() -> None:
    one, other = made("one"), made("other")
    assert one.seeds == [1000 * one.seed_block + i for i in range(3)]
    assert not set(one.seeds) & set(other.seeds)
    assert not set(points(one)) & set(points(other))
    drafts = [plan.drafts(plan.arms()[0])[0] for plan in (one, other)]
    assert [draft.seed for draft in drafts] == [draft.data_seed for draft in drafts]
    assert drafts[0].seed == one.search_seed != drafts[1].seed
    assert points(made("one")) == points(one)


def test_block_0_has_the_seeds_and_points_of_all_studies_that_began_before(make_plan: MakePlan) -> None:
    plan = make_plan(seed=5)
    assert (plan.search_seed, plan.seeds, plan.sampler_seed) == (0, [0, 1, 2], 5)
    assert sampler_seed(5, 0) == 5
    assert sampler_seed(5, 1) != sampler_seed(6, 1)


def test_a_seeded_sampler_of_optuna_draws_anew_in_another_block(make_plan: MakePlan) -> None:
    import optuna

    def first(plan: Plan) -> float:
        study = optuna.create_study(sampler=make_sampler(plan, plan.arms()[0], 0))
        return plan.suggest(study.ask(), plan.arms()[0]).learning_rate

    assert first(make_plan(seed_block=3)) == first(make_plan(seed_block=3)) != first(make_plan(seed_block=4))


def test_tunings_have_blocks_one_after_another_and_share_nothing(make_plan: MakePlan) -> None:
    plan = make_plan(seed_block=7, tunings=3)
    tunings = plan.each_tuning()
    assert [each.seed_block for each in tunings] == [7, 8, 9]
    assert {each.tunings for each in tunings} == {1}
    assert tunings[1] == make_plan(seed_block=8)
    assert len(set(plan.seeds)) == 3 * 3
    assert {draft.seed for draft in plan.all_drafts()} == {7000, 8000, 9000}
    assert plan.planned(plan.arms()[0]) == 3 * tunings[0].planned(plan.arms()[0])
    assert len({rate for each in tunings for rate in points(each)}) == 3 * 4


def test_a_block_has_so_many_confirm_seeds_and_no_more() -> None:
    check_seeds(space_of(confirm_seeds=MOST_CONFIRM_SEEDS))
    with pytest.raises(RequestError, match=r"^confirm_seeds: must be at most 999, not 1000$"):
        check_seeds(space_of(confirm_seeds=1000))


def test_a_block_has_a_seed_for_each_trial_that_varies_something() -> None:
    alpha: dict[str, Any] = {"alpha": Range(low=0, high=1)}
    check_seeds(space_of(varied=alpha, trials=1000))
    check_seeds(space_of(trials=1001))
    with pytest.raises(RequestError, match=r"^trials: must be at most 1000 if hyperparameters are varied"):
        check_seeds(space_of(varied=alpha, trials=1001))


def space_of(**fields: Any) -> SearchSpace:
    return SearchSpace(**{"question": "?", "trials": 1} | fields)
