"""From a space, a task and a model: arms, points, configurations; and what is refused beforehand."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.errors import RequestError
from study.planning.plan import ModelFacts, Plan
from study.space import Range, SearchSpace

MakePlan = Callable[..., Plan]
CONDITIONAL: dict[str, tuple[Any, ...]] = {
    "init": ("random", "base"),
    "depth": (6, 3),
    "layer_map": ("uniform", "first"),
    "alpha": (1.0, 0.5, 0.0),
    "loss": ("mse", "kl"),
    "temperature": (1.0, 2.0),
    "data_fraction": (1.0, 0.1),
    "teacher_data": ("full", "same"),
}
"""All hyperparameters that can be inert, and those that make them so; the value that does stands first."""


def names(plan: Plan) -> list[str]:
    return [arm.name for arm in plan.arms()]


def test_every_combination_of_scientific_values_is_an_arm(make_plan: MakePlan) -> None:
    plan = make_plan(scientific={"init": ("random", "teacher"), "alpha": (1.0, 0.5)})
    assert names(plan) == [
        "init=random alpha=1.0",
        "init=random alpha=0.5",
        "init=teacher alpha=1.0",
        "init=teacher alpha=0.5",
    ]


def test_an_excluded_combination_is_no_arm(make_plan: MakePlan) -> None:
    three = {"init": ("random", "teacher"), "depth": ("1/3", "1/2"), "alpha": (1.0, 0.5)}
    excluded = ({"init": "random", "depth": "1/3"}, {"alpha": 1, "depth": "1/2"})
    plan = make_plan(scientific=three, excluded=excluded)
    assert [arm.name for arm in plan.arms()] == [
        "init=random depth=3 alpha=0.5",
        "init=teacher depth=2 alpha=1.0",
        "init=teacher depth=2 alpha=0.5",
        "init=teacher depth=3 alpha=0.5",
    ]
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert plan.identity() != make_plan(scientific=three).identity()


def test_an_arm_of_equal_combinations_goes_only_with_all_of_them(make_plan: MakePlan) -> None:
    """Without distillation all temperatures are one arm."""
    both = {"alpha": (1.0, 0.5), "temperature": (1.0, 2.0)}
    names = [
        arm.name for arm in make_plan(scientific=both, excluded=({"alpha": 1.0, "temperature": 1.0},)).arms()
    ]
    assert names == ["alpha=1.0", "alpha=0.5 temperature=1.0", "alpha=0.5 temperature=2.0"]


def test_without_any_arm_a_plan_is_refused(make_plan: MakePlan) -> None:
    with pytest.raises(RequestError, match="no arm is left"):
        make_plan(scientific={"init": ("random",)}, excluded=({"init": "random"},))


def test_without_a_scientific_hyperparameter_there_is_one_arm(make_plan: MakePlan) -> None:
    assert names(make_plan()) == ["all"]


def test_arms_that_coincide_in_what_has_an_effect_are_one(make_plan: MakePlan) -> None:
    low_resource = {"data_fraction": (0.1, 1.0), "teacher_data": ("full", "same")}
    assert names(make_plan(scientific=low_resource)) == [
        "data_fraction=0.1 teacher_data=full",
        "data_fraction=0.1 teacher_data=same",
        "data_fraction=1.0",
    ]
    surface = {"alpha": (0.5, 1.0), "temperature": (1.0, 4.0), "loss": ("kl", "mse")}
    assert names(make_plan(scientific=surface)) == [
        "alpha=0.5 temperature=1.0 loss=kl",
        "alpha=0.5 loss=mse",
        "alpha=0.5 temperature=4.0 loss=kl",
        "alpha=1.0",
    ]


@pytest.mark.parametrize(
    ("scientific", "nuisance"),
    [
        ({"layer_map": ("uniform", "first")}, {"init": ("random", "base")}),
        ({"layer_map": ("uniform", "first")}, {"init": ("base", "random")}),
        ({"temperature": (1.0, 2.0)}, {"alpha": (1.0, 0.5), "loss": ("mse", "kl")}),
        ({"loss": ("mse", "kl")}, {"alpha": (0.5, 1.0)}),
        ({"teacher_data": ("full", "same")}, {"data_fraction": (1.0, 0.5)}),
    ],
)
def test_tuning_may_not_decide_whether_a_scientific_value_has_an_effect(
    make_plan: MakePlan, scientific: dict[str, Any], nuisance: dict[str, Any]
) -> None:
    """Otherwise two arms would have the same trials, or would be merged although some trials differ."""
    (name,) = scientific
    with pytest.raises(RequestError, match=rf"^{name}: is scientific, and what is tuned, .* or fixed$"):
        make_plan(scientific=scientific, nuisance=nuisance)


def test_a_range_that_only_ends_where_a_value_has_no_effect_is_fine(make_plan: MakePlan) -> None:
    plan = make_plan(scientific={"loss": ("kl", "mse")}, nuisance={"alpha": Range(low=0, high=1)})
    assert names(plan) == ["loss=kl", "loss=mse"]


@pytest.mark.parametrize(
    ("shares", "layers", "depths"),
    [
        (("1/6", "1/3", "1/2", "2/3", "1/1"), 6, (1, 2, 3, 4, 6)),
        (("1/6", "1/3", "1/2", "2/3", "1/1"), 12, (2, 4, 6, 8, 12)),
        (("1/6", "1/3", "1/2", "1/1"), 4, (1, 2, 4)),  # 2/3 of a layer is one, 4/3 are one too
        (("1/2", 3, "1/1"), 6, (3, 6)),
        (("1/100",), 4, (1,)),
    ],
)
def test_depth_may_be_a_share_of_the_model(shares: tuple[Any, ...], layers: int, depths: tuple[int]) -> None:
    space = SearchSpace(question="?", scientific={"depth": shares}, trials=1)
    plan = Plan.make("demo", space, "a" * 64, ModelFacts("b" * 64, layers, 1e-3), "", {})
    assert plan.space.scientific["depth"] == depths
    assert names(plan) == [f"depth={depth}" for depth in depths]


def test_a_share_serves_in_every_role(make_plan: MakePlan) -> None:
    assert make_plan(fixed={"depth": "1/3"}).space.fixed == {"depth": 2}
    assert make_plan(nuisance={"depth": ("1/3", "1/2")}).space.nuisance == {"depth": (2, 3)}


def test_what_is_not_given_follows_from_the_model() -> None:
    """Half the depth; one learning rate for student and teacher."""
    space = SearchSpace(question="?", trials=1)
    plan = Plan.make("demo", space, "a" * 64, ModelFacts("b" * 64, 12, 2e-4), "", {})
    (config,) = plan.drafts(plan.arms()[0])
    assert (config.model_layers, config.depth) == (12, 6)
    assert (config.learning_rate, config.teacher_learning_rate) == (2e-4, 2e-4)


@pytest.mark.parametrize(
    ("roles", "complaint"),
    [
        ({"fixed": {"depth": "half"}}, "depth: must be layers or a share such as 1/2, not 'half'"),
        ({"fixed": {"depth": "1/0"}}, "depth: must be layers or a share such as 1/2, not '1/0'"),
        (
            {"fixed": {"depth": "3/2"}},
            "depth: a share of the teacher's layers is above 0 and at most 1, not 3/2",
        ),
        ({"fixed": {"depth": 7}}, "depth 7 is more than the 6 layers of the model"),
        ({"scientific": {"alpha": (0.5, 1.5)}}, "alpha: Input should be less than or equal to 1, not 1.5"),
        ({"nuisance": {"warmup": (0.0, 2.0)}}, "warmup: Input should be less than or equal to 1, not 2.0"),
        ({"nuisance": {"warmup": Range(low=0, high=2)}}, "warmup: Input should be less than or equal to 1"),
        ({"nuisance": {"weight_decay": Range(low=-1, high=1)}}, "weight_decay: Input should be greater than"),
        ({"fixed": {"steps": 5, "epochs": 1}}, "give steps or epochs, not both"),
        (
            {"teacher": "c" * 64, "scientific": {"teacher_data": ("full", "same")}},
            "teacher_data=same needs a",
        ),
    ],
)
def test_a_space_with_an_impossible_configuration_is_refused_in_one_line(
    make_plan: MakePlan, roles: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(RequestError) as error:
        make_plan(**roles)
    assert str(error.value).startswith(complaint)
    assert "\n" not in str(error.value)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(sorted(CONDITIONAL)), min_size=1, max_size=6, unique=True), st.data())
def test_points_are_all_distinct_configurations_and_name_only_what_has_an_effect(
    make_plan: MakePlan, tuned: list[str], data: st.DataObject
) -> None:
    nuisance = {name: data.draw(st.permutations(CONDITIONAL[name])) for name in tuned}
    plan = make_plan(nuisance=nuisance, trials=10_000)
    (arm,) = plan.arms()
    points = list(plan.points(arm) or ())
    keys = [plan.config(arm, point).key for point in points]
    product = [dict(zip(nuisance, values, strict=True)) for values in itertools.product(*nuisance.values())]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {plan.config(arm, values).key for values in product}
    assert all(not plan.config(arm, point).inert() & point.keys() for point in points)
    assert plan.planned(arm) == len(points)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(CONDITIONAL)), min_size=1, max_size=6, unique=True), st.integers(0, 99)
)
def test_asked_is_what_has_an_effect_and_nothing_else(
    make_plan: MakePlan, tuned: list[str], seed: int
) -> None:
    plan = make_plan(nuisance={name: CONDITIONAL[name] for name in tuned})
    (arm,) = plan.arms()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    config = plan.suggest(trial, arm)
    assert trial.params.keys() == set(tuned) - config.inert()
    assert {name: getattr(config, name) for name in trial.params} == trial.params


def test_temperature_is_never_asked_where_alpha_is_one(make_plan: MakePlan) -> None:
    tuned = {"temperature": Range(low=1, high=8), "learning_rate": Range(low=1e-4, high=1e-2, log=True)}
    plan = make_plan(scientific={"alpha": (1.0, 0.5)}, nuisance=tuned)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    labels_only, mixed = plan.arms()
    for arm, asked in ((labels_only, {"learning_rate"}), (mixed, {"learning_rate", "temperature"})):
        trial = study.ask()
        plan.suggest(trial, arm)
        assert trial.params.keys() == asked


def test_planned_is_the_budget_or_all_points_where_there_are_fewer(make_plan: MakePlan) -> None:
    tuned = {"temperature": (1.0, 2.0, 4.0), "warmup": (0.0, 0.1)}
    plan = make_plan(scientific={"alpha": (1.0, 0.5)}, nuisance=tuned, trials=4)
    assert [plan.planned(arm) for arm in plan.arms()] == [2, 4]
    assert [make_plan(trials=4).planned(arm) for arm in make_plan(trials=4).arms()] == [4]
    nothing_tuned = make_plan(nuisance={}, trials=4)
    assert nothing_tuned.planned(nothing_tuned.arms()[0]) == 1


def test_an_arm_tunes_what_has_an_effect_in_it(make_plan: MakePlan) -> None:
    tuned = {"temperature": Range(low=1, high=8), "learning_rate": Range(low=1e-4, high=1e-2, log=True)}
    plan = make_plan(scientific={"alpha": (1.0, 0.5)}, nuisance=tuned)
    assert [plan.tuned(arm) for arm in plan.arms()] == [["learning_rate"], ["temperature", "learning_rate"]]


def test_held_is_every_value_that_is_neither_asked_about_nor_tuned(make_plan: MakePlan) -> None:
    """Also a value that is inert in some arms: it is a caveat of the other arms."""
    plan = make_plan(scientific={"alpha": (1.0, 0.5)}, fixed={"temperature": 3.0, "steps": 50})
    held = plan.held()
    assert (held["temperature"], held["steps"], held["loss"]) == (3.0, 50, "kl")
    assert not held.keys() & {"alpha", "learning_rate", "seed", "data_seed", "task", "model", "teacher"}


def test_drafts_reach_every_bound_and_every_level(make_plan: MakePlan) -> None:
    plan = make_plan(nuisance={"warmup": Range(low=0.1, high=0.3), "batch_size": (8, 16, 32)})
    drafts = plan.drafts(plan.arms()[0])
    assert {d.warmup for d in drafts} == {0.1, 0.3}
    assert {d.batch_size for d in drafts} == {8, 16, 32}


def test_a_seed_is_the_data_seed_too_so_that_arms_pair(make_plan: MakePlan) -> None:
    plan = make_plan()
    for seed in (0, 3):
        config = plan.config(plan.arms()[0], {"learning_rate": 1e-3}, seed)
        assert (config.seed, config.data_seed) == (seed, seed)


def test_a_plan_survives_json(make_plan: MakePlan) -> None:
    plan = make_plan(scientific={"init": ("random", "teacher"), "depth": ("1/2", "1/1")}, pruner="median")
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_identity_leaves_out_budgets_and_wording(make_plan: MakePlan) -> None:
    plan = make_plan()
    assert make_plan(trials=9, confirm_seeds=7, question="else?").identity() == plan.identity()
    assert make_plan(reports=5).identity() != plan.identity()
    assert make_plan(task="d" * 64).identity() != plan.identity()
    assert plan.on_model("e" * 64).identity() == make_plan(model="e" * 64).identity()


def test_a_margin_is_no_part_of_what_a_study_is_and_the_newest_given_one_counts(make_plan: MakePlan) -> None:
    begun = make_plan().model_copy(update={"margin": 0.02})
    assert Plan.model_validate_json(begun.model_dump_json(exclude={"margin"})).margin == 0.01
    assert make_plan().identity() == begun.identity()
    assert make_plan().continuing(begun).margin == 0.02
    given = make_plan().model_copy(update={"margin": 0.03, "exact": ("margin",)})
    assert given.continuing(begun).margin == 0.03


def test_a_new_plan_selects_by_interpolation_in_a_block_of_its_own_and_reports_the_start() -> None:
    space = SearchSpace(question="?", trials=1)
    plan = Plan.make("demo", space, "a" * 64, ModelFacts("b" * 64, 12, 2e-4), "", {})
    assert (plan.selection, plan.seed_block, plan.tunings) == ("interpolated", 23832, 1)
    assert plan.reports_start


def test_a_stored_plan_without_the_new_fields_is_what_it_was(make_plan: MakePlan) -> None:
    stored = json.loads(make_plan().model_dump_json())
    for field in ("selection", "seed_block", "tunings", "reports_start"):
        del stored[field]
    old = Plan.model_validate(stored)
    assert (old.selection, old.seed_block, old.tunings) == ("best tried", 0, 1)
    assert not old.reports_start
    again = make_plan(seed_block=4711)  # the same command, by this version
    assert again.following(old).identity() == old.identity()
    assert again.continuing(old) == old


def test_a_seed_block_that_the_user_gave_is_part_of_the_identity(make_plan: MakePlan) -> None:
    begun = make_plan(seed_block=5)
    same, other = (make_plan(seed_block=block, exact=("seed_block",)) for block in (5, 6))
    assert same.following(begun).identity() == begun.identity()
    assert other.following(begun).identity() != begun.identity()


def test_tunings_are_added_and_never_taken_away(make_plan: MakePlan) -> None:
    begun = make_plan(tunings=2)
    assert make_plan(tunings=3, exact=("tunings",)).continuing(begun).tunings == 3
    assert make_plan().continuing(begun).tunings == 2


def suggested(plan: Plan, arm: int, n: int) -> Any:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=n))
    return plan.suggest(study.ask(), plan.arms()[arm], n)


def test_trials_that_vary_something_have_a_seed_each_and_arms_share_it(make_plan: MakePlan) -> None:
    plan = make_plan(
        scientific={"init": ("random", "base")}, varied={"alpha": (0.0, 1.0)}, confirm_seeds=0, seed_block=3
    )
    configs = [[suggested(plan, arm, n) for n in range(3)] for arm in range(2)]
    assert [[config.seed for config in of_arm] for of_arm in configs] == 2 * [[3000, 3001, 3002]]
    assert all(config.seed == config.data_seed for of_arm in configs for config in of_arm)
    assert {suggested(make_plan(), 0, n).seed for n in range(3)} == {0}


def test_a_budget_that_varies_levels_alone_is_not_limited_to_their_number(make_plan: MakePlan) -> None:
    plan = make_plan(nuisance={}, varied={"alpha": (0.0, 1.0)}, confirm_seeds=0, trials=9)
    assert plan.planned(plan.arms()[0]) == 9


def test_what_is_varied_is_no_caveat_and_makes_no_arm(make_plan: MakePlan) -> None:
    plan = make_plan(varied={"init": ("random", "base"), "depth": ("1/3", "1/2")}, confirm_seeds=0)
    assert names(plan) == ["all"]
    assert plan.space.varied["depth"] == (2, 3)
    assert not {"init", "depth"} & plan.held().keys()
    assert plan.tuned(plan.arms()[0]) == ["init", "depth", "learning_rate"]
    assert {(d.init, d.depth) for d in plan.all_drafts()} == {("random", 2), ("base", 2), ("random", 3)}


def test_trials_that_vary_something_do_not_need_a_teacher_each(make_plan: MakePlan) -> None:
    share: dict[str, Any] = {"varied": {"data_fraction": Range(low=0.1, high=1)}, "confirm_seeds": 0}
    with pytest.raises(RequestError, match=r"^teacher_data: is same, .*; --set teacher_data=full$"):
        make_plan(**share, fixed={"teacher_data": "same"})
    make_plan(**share, fixed={"teacher_data": "full"})
    make_plan(varied={"alpha": (0.0, 1.0)}, confirm_seeds=0, fixed={"teacher_data": "same"})  # of all data


def test_of_values_that_go_together_no_other_combination_makes_an_arm(make_plan: MakePlan) -> None:
    pairs = ({"depth": "1/3", "steps": 400}, {"depth": "1/2", "steps": 200})
    plan = make_plan(
        scientific={"init": ("random", "base"), "depth": ("1/3", "1/2"), "steps": (400, 200)}, tied=(pairs,)
    )
    assert names(plan) == [
        "init=random depth=2 steps=400",
        "init=random depth=3 steps=200",
        "init=base depth=2 steps=400",
        "init=base depth=3 steps=200",
    ]
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
