"""What `--set`, `--vary`, `--exclude` and budgets do to a search space."""

from __future__ import annotations

from typing import Any

import pytest

from study.errors import RequestError
from study.planning.changes import exclude, override, tie, vary, with_budget
from study.space import Range, SearchSpace

RATE = Range(low=1e-4, high=1e-2, log=True)
SPACE = SearchSpace(
    question="why?",
    scientific={"init": ("random", "teacher"), "alpha": (1.0, 0.5)},
    nuisance={"learning_rate": RATE, "warmup": (0.0, 0.1)},
    fixed={"steps": 100},
    trials=4,
)


@pytest.mark.parametrize(
    ("setting", "role", "name", "value"),
    [
        ("alpha=0.2", "fixed", "alpha", 0.2),
        ("alpha=0.2,0.8", "scientific", "alpha", (0.2, 0.8)),
        ("init=base", "fixed", "init", "base"),
        ("learning_rate=1e-3", "fixed", "learning_rate", 1e-3),
        ("learning_rate=1e-3..3e-3", "nuisance", "learning_rate", Range(low=1e-3, high=3e-3, log=True)),
        ("learning_rate=1e-3,3e-3", "nuisance", "learning_rate", (1e-3, 3e-3)),
        ("warmup=0..0.2", "nuisance", "warmup", Range(low=0, high=0.2)),
        ("weight_decay=0.1", "fixed", "weight_decay", 0.1),
        ("batch_size=16,32", "nuisance", "batch_size", (16, 32)),
        ("steps=100..400", "nuisance", "steps", Range(low=100, high=400, whole=True)),
        ("data_fraction=0.01,0.1", "scientific", "data_fraction", (0.01, 0.1)),
        ("teacher_data=full,same", "scientific", "teacher_data", ("full", "same")),
        ("steps=50", "fixed", "steps", 50),
    ],
)
def test_a_setting_keeps_the_role_where_the_role_can_hold_it(
    setting: str, role: str, name: str, value: Any
) -> None:
    space = override(SPACE, [setting])
    roles = {each: getattr(space, each) for each in ("scientific", "nuisance", "fixed")}
    assert [each for each, values in roles.items() if name in values] == [role]
    assert roles[role][name] == value
    kept = {each: {n: v for n, v in getattr(SPACE, each).items() if n != name} for each in roles}
    assert {each: {n: v for n, v in values.items() if n != name} for each, values in roles.items()} == kept


def test_epochs_replace_steps_and_steps_epochs() -> None:
    in_epochs = override(SPACE, ["epochs=3"])
    assert in_epochs.fixed == {"epochs": 3}
    assert override(in_epochs, ["steps=9"]).fixed == {"steps": 9}


def test_the_last_of_several_settings_counts() -> None:
    assert override(SPACE, ["alpha=0.1,0.2", "alpha=0.3", "steps=5"]).fixed == {"alpha": 0.3, "steps": 5}


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("alpha", "--set alpha: must be key=value"),
        ("=1", "--set =1: must be key=value"),
        ("alpha=", "--set alpha=: must be key=value"),
        ("alpha=0..1", "--set alpha=0..1: alpha is a scientific hyperparameter and needs levels"),
        ("warmup=a..b", "--set warmup=a..b: a range is two numbers, low..high"),
        ("warmup=0.3..0.1", "--set: nuisance.warmup: low 0.3 must be below high 0.1"),
        ("loss=1..2", "--set: loss: is not a number and needs levels, not a range"),
        ("steps=1.5..9", "--set: steps: is a whole number, and so are the ends of its range, not 1.5..9"),
        ("data_fraction=0.1..1", "--set data_fraction=0.1..1: data_fraction: is a part of the question"),
        ("alhpa=1", "--set: alhpa: no such hyperparameter (did you mean alpha?); there are "),
        ("seed=1", "--set: seed: no such hyperparameter; there are "),
        ("alpha=1,1.0", "--set: alpha: a level is given twice"),
    ],
)
def test_a_setting_that_cannot_be_held_is_refused_in_one_line(setting: str, complaint: str) -> None:
    with pytest.raises(RequestError) as error:
        override(SPACE, [setting])
    assert str(error.value).startswith(complaint)
    assert "\n" not in str(error.value)


def test_exclusions_are_added_to_those_of_the_space() -> None:
    once = exclude(SPACE, ["alpha=0.5"])
    assert exclude(once, ["init=random,alpha=1"]).excluded == ({"alpha": 0.5}, {"init": "random", "alpha": 1})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("alpha", "--exclude alpha: must be key=value, or several of them with commas between"),
        ("alpha=1,", "--exclude alpha=1,: must be key=value"),
        ("alpha=0.7", "--exclude: excluded alpha=0.7: alpha is "),
        ("learning_rate=1e-3", "--exclude: excluded learning_rate=0.001: learning_rate is not scientific"),
    ],
)
def test_an_exclusion_that_names_no_arms_is_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(RequestError) as refused:
        exclude(SPACE, [text])
    assert str(refused.value).startswith(complaint)


def test_a_range_is_refused_if_the_spaces_sampler_needs_levels() -> None:
    space = SearchSpace(question="why?", trials=4, sampler="grid", nuisance={"warmup": (0.0, 0.1)})
    with pytest.raises(RequestError, match=r"^--set: warmup: the sampler grid needs levels, not a range$"):
        override(space, ["warmup=0..0.1"])


ROLES = ("scientific", "nuisance", "varied", "fixed")


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("depth=1..3", "depth", Range(low=1, high=3)),
        ("data_fraction=0.01..1", "data_fraction", Range(low=0.01, high=1, log=True)),
        ("temperature=1..8", "temperature", Range(low=1, high=8)),
        ("weight_decay=0..0.1", "weight_decay", Range(low=0, high=0.1)),
        ("learning_rate=2e-3..9e-3", "learning_rate", Range(low=2e-3, high=9e-3, log=True)),
        ("init=random,base", "init", ("random", "base")),
        ("steps=50,100", "steps", (50, 100)),
    ],
)
def test_what_is_varied_leaves_its_role(setting: str, name: str, value: Any) -> None:
    space = vary(SPACE.model_copy(update={"sampler": "tpe", "pruner": "median"}), [setting])
    assert [role for role in ROLES if name in getattr(space, role)] == ["varied"]
    assert space.varied == SearchSpace(question="?", trials=1, varied={name: value}).varied
    assert (space.confirm_seeds, space.pruner, space.sampler) == (0, "none", "quasi")


def test_a_setting_limits_what_a_space_varies() -> None:
    space = vary(SPACE, ["alpha=0..1", "init=random,base,teacher"])
    limited = override(space, ["alpha=0.2..0.4", "init=random,teacher"])
    assert limited.varied == {"alpha": Range(low=0.2, high=0.4), "init": ("random", "teacher")}
    fixed = override(space, ["alpha=0.3"])
    assert set(fixed.varied) == {"init"}
    assert fixed.fixed["alpha"] == 0.3


def test_data_that_are_varied_may_have_a_range() -> None:
    space = vary(SPACE, ["data_fraction=0.01..1"])
    assert override(space, ["data_fraction=0.1..1"]).varied["data_fraction"] == Range(
        low=0.1, high=1, log=True
    )


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("alpha", "--vary alpha: must be key=low..high, or levels key=a,b"),
        ("alpha=0.5", "--vary alpha=0.5: must be key=low..high, or levels key=a,b"),
        ("=0..1", "--vary =0..1: must be key=low..high"),
        ("alpha=a..b", "--vary alpha=a..b: a range is two numbers, low..high"),
        ("alpha=0..0.5..1", "--vary alpha=0..0.5..1: a range is two numbers, low..high"),
        ("alpha=1..0", "--vary: varied.alpha: low 1.0 must be below high 0.0"),
        ("init=0..1", "--vary: init: is not a number and needs levels, not a range"),
        ("seed=0..9", "--vary: seed: no such hyperparameter; there are "),
        ("teacher_seed=0..9", "--vary: teacher_seed: is varied, and needs at least two levels"),
    ],
)
def test_what_cannot_be_varied_is_refused_in_one_line(setting: str, complaint: str) -> None:
    with pytest.raises(RequestError) as error:
        vary(SPACE, [setting])
    assert str(error.value).startswith(complaint)
    assert "\n" not in str(error.value)


def test_a_budget_that_is_not_given_stays() -> None:
    space = with_budget(SPACE, {"trials": 7, "sampler": None, "reports": None})
    assert (space.trials, space.sampler, space.reports) == (7, SPACE.sampler, SPACE.reports)


def test_a_budget_that_the_space_cannot_have_is_refused() -> None:
    with pytest.raises(RequestError, match=r"^confirm_seeds: must be 0 if hyperparameters are varied"):
        with_budget(vary(SPACE, ["alpha=0..1"]), {"confirm_seeds": 3})


def test_values_that_go_together_become_scientific_in_one_group() -> None:
    space = tie(SPACE, ["depth=1,steps=400", "depth=2,steps=200"])
    assert space.scientific["depth"] == (1, 2)
    assert space.scientific["steps"] == (400, 200)
    assert "steps" not in space.fixed
    assert space.tied == (({"depth": 1, "steps": 400}, {"depth": 2, "steps": 200}),)


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        (["depth"], "--tie depth: must be key=value, or several of them with commas between"),
        (["depth=1,steps=4"], "--tie: tied depth, steps: needs two or more combinations"),
        (["depth=1", "depth=2"], "--tie: tied depth: needs two or more combinations"),
        (["depth=1,size=4", "depth=2,size=5"], "--tie: size: no such hyperparameter"),
    ],
)
def test_values_that_cannot_go_together_are_refused_in_one_line(texts: list[str], complaint: str) -> None:
    with pytest.raises(RequestError) as refused:
        tie(SPACE, texts)
    assert str(refused.value).startswith(complaint)
