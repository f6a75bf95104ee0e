"""A configuration's key: equal if all values with an effect are equal, different otherwise."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from study.config import GATES, LANGUAGES, LATER, TrialConfig, canonical_json, digest, parse_config
from study.errors import RequestError

MINIMAL: dict[str, Any] = {
    "task": "a" * 64,
    "model": "b" * 64,
    "model_layers": 6,
    "depth": 3,
    "learning_rate": 3e-4,
    "teacher_learning_rate": 3e-4,
}
shares = st.floats(0, 1)
positive = st.floats(0, 1e3, exclude_min=True, allow_subnormal=False)
counts = st.integers(1, 2000)
seeds = st.integers(0, 50)


@st.composite
def configurations(draw: st.DrawFn) -> TrialConfig:
    """Valid ones, those that make something inert as likely as not."""
    layers = draw(st.integers(1, 12))
    teacher = draw(st.sampled_from(["", "c" * 64]))
    unit = draw(st.sampled_from(["steps", "epochs"]))
    return TrialConfig(
        task=draw(st.sampled_from(["a" * 64, "d" * 64])),
        model=draw(st.sampled_from(["b" * 64, "e" * 64])),
        model_layers=layers,
        init=draw(st.sampled_from(["random", "base", "teacher"])),
        depth=draw(st.one_of(st.just(layers), st.integers(1, layers))),
        layer_map=draw(st.sampled_from(["uniform", "first", "last"])),
        alpha=draw(st.one_of(st.sampled_from([0.0, 1.0]), shares)),
        loss=draw(st.sampled_from(["kl", "mse"])),
        temperature=draw(positive),
        data_fraction=draw(st.one_of(st.just(1.0), st.floats(0, 1, exclude_min=True))),
        teacher_data="full" if teacher else draw(st.sampled_from(["full", "same"])),
        train_languages=draw(st.sampled_from(["all", "deu", "deu+eng"])),
        teacher_languages=draw(st.sampled_from(["all", "deu", "deu+eng"])),
        learning_rate=draw(positive),
        warmup=draw(shares),
        weight_decay=draw(shares),
        batch_size=draw(counts),
        gradient_clip=draw(positive),
        max_length=draw(st.integers(4, 512)),
        seed=draw(seeds),
        data_seed=draw(seeds),
        teacher=teacher,
        teacher_steps=draw(counts),
        teacher_learning_rate=draw(positive),
        teacher_batch_size=draw(counts),
        teacher_seed=draw(seeds),
        **{unit: draw(counts)},
    )


def changed(config: TrialConfig, **values: Any) -> TrialConfig:
    return TrialConfig(**config.model_dump() | values)


@given(configurations(), configurations())
def test_key_is_that_of_any_configuration_which_differs_in_inert_values(
    one: TrialConfig, other: TrialConfig
) -> None:
    inert = one.inert() - {"steps", "epochs"}  # steps and epochs exclude each other
    if one.teacher:
        inert -= {"teacher_data"}  # `same` is refused with a given teacher
    assert changed(one, **{name: getattr(other, name) for name in inert}).key == one.key


@given(configurations(), configurations(), st.data())
def test_key_differs_with_any_value_that_has_an_effect(
    one: TrialConfig, other: TrialConfig, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(one.effective())))
    assume(getattr(one, name) != getattr(other, name))
    try:
        different = changed(one, **{name: getattr(other, name)})
    except ValidationError:
        assume(False)
    assert different.key != one.key


@given(
    configurations(),
    configurations(),
    st.one_of(st.sampled_from(sorted(GATES)), st.sampled_from(sorted(TrialConfig.model_fields))),
)
def test_only_gates_decide_what_is_inert_and_they_stand_before_it(
    one: TrialConfig, other: TrialConfig, name: str
) -> None:
    assume(name not in {"steps", "epochs", "model_layers", "teacher"})  # the request's, not a space's
    try:
        different = changed(one, **{name: getattr(other, name)})
    except ValidationError:
        assume(False)
    order = list(TrialConfig.model_fields)
    moved = one.inert() ^ different.inert()
    assert not moved or name in GATES
    assert all(order.index(name) < order.index(each) for each in moved)


@given(configurations())
def test_read_back_from_json_it_is_the_same_and_has_the_same_key(config: TrialConfig) -> None:
    again = TrialConfig(**json.loads(config.model_dump_json()))
    assert (again, again.key, hash(again)) == (config, config.key, hash(config))


@given(configurations())
def test_key_does_not_depend_on_the_order_of_the_fields(config: TrialConfig) -> None:
    assert TrialConfig(**dict(reversed(config.model_dump().items()))).key == config.key


@pytest.mark.parametrize(
    ("values", "same"),
    [
        ({"alpha": 1}, {"alpha": 1.0}),
        ({"alpha": 0}, {"alpha": -0.0}),
        ({"data_fraction": 1}, {"data_fraction": 1.0}),
        ({"temperature": 4}, {"temperature": 4.0}),
        ({"depth": 2.0}, {"depth": 2}),
        ({"weight_decay": -0.0}, {"weight_decay": 0}),
        ({"steps": None}, {"steps": 200}),
        ({"epochs": 3}, {"epochs": 3.0}),
    ],
)
def test_key_does_not_depend_on_how_a_number_is_written(values: dict[str, Any], same: dict[str, Any]) -> None:
    assert TrialConfig(**MINIMAL | values).key == TrialConfig(**MINIMAL | same).key


@pytest.mark.parametrize(
    ("values", "inert"),
    [
        ({"alpha": 1.0}, {"loss", "temperature"}),
        ({"loss": "mse"}, {"temperature"}),
        ({"loss": "mse", "alpha": 1.0}, {"loss", "temperature"}),
        ({"init": "random"}, {"layer_map"}),
        ({"depth": 6}, {"layer_map"}),
        ({"data_fraction": 0.5}, set()),
    ],
)
def test_what_has_no_effect_is_inert(values: dict[str, Any], inert: set[str]) -> None:
    usual = {"epochs"} | (set() if "data_fraction" in values else {"teacher_data", "label_floor"})
    assert TrialConfig(**MINIMAL | values).inert() == inert | usual


def test_recipe_of_the_teacher_is_inert_where_a_teacher_is_given() -> None:
    config = TrialConfig(**MINIMAL | {"teacher": "c" * 64, "data_fraction": 0.5})
    assert [name for name in config.effective() if name.startswith("teacher")] == ["teacher"]


def test_key_of_a_trial_with_the_default_of_a_later_field_is_that_of_an_older_version() -> None:
    config = TrialConfig(**MINIMAL | {"data_fraction": 0.5})
    older = {name: value for name, value in config.effective().items() if name not in LATER}
    assert config.key == digest(older)
    assert TrialConfig(**MINIMAL | {"data_fraction": 0.5, "label_floor": 0}).key != config.key


@pytest.mark.parametrize("field", LANGUAGES)
def test_a_list_of_languages_is_one_content_however_it_is_written(field: str) -> None:
    one, other = (TrialConfig(**MINIMAL | {field: text}) for text in ("de-ba+no_B", "no_B+de-ba+no_B"))
    assert getattr(one, field) == "de-ba+no_B"
    assert one.key == other.key != TrialConfig(**MINIMAL).key
    for text in ("half:1", "", "deu+", "but:deu"):
        with pytest.raises(RequestError, match=rf"^{field}: must be all, or codes of languages joined by"):
            parse_config(MINIMAL | {field: text})


def test_languages_of_a_given_teacher_are_inert() -> None:
    config = TrialConfig(**MINIMAL | {"teacher": "c" * 64, "teacher_languages": "deu"})
    assert config.key == TrialConfig(**MINIMAL | {"teacher": "c" * 64}).key


def test_key_is_pinned() -> None:
    """A key names folders and runs of studies that exist: it must not change with a release."""
    config = TrialConfig(**MINIMAL | {"alpha": 1, "epochs": 2.5})
    text = (
        '{"alpha":1.0,"batch_size":32,"data_fraction":1.0,"data_seed":0,"depth":3,"epochs":2.5,'
        '"gradient_clip":1.0,"init":"teacher","layer_map":"uniform","learning_rate":0.0003,'
        f'"max_length":128,"model":"{"b" * 64}","model_layers":6,"seed":0,"task":"{"a" * 64}","teacher":"",'
        '"teacher_batch_size":32,"teacher_learning_rate":0.0003,"teacher_seed":0,"teacher_steps":600,'
        '"warmup":0.1,"weight_decay":0.01}'
    )
    named = config.effective().items()
    assert canonical_json({name: value for name, value in named if name not in LATER}) == text
    assert config.key == "91f94dc4ab78d2b1da6221eef13ce5e5ddff14d3cf70c31e42e77ec6e07b221d"


def test_canonical_json_is_shortest_exact_and_refuses_what_json_has_not() -> None:
    assert canonical_json({"b": [1.0, 1e-7, 0.1 + 0.2], "a": "wọ̀"}) == (
        '{"a":"wọ̀","b":[1.0,1e-07,0.30000000000000004]}'
    )
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match="not JSON compliant"):
            canonical_json({"a": value})


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TrialConfig(**MINIMAL).alpha = 0.1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (
            {"alhpa": 0.5},
            r"^alhpa: no such hyperparameter \(did you mean alpha\?\); there are alpha, batch_size, .*decay$",
        ),
        ({"alpha": 1.5}, r"^alpha: Input should be less than or equal to 1, not 1.5$"),
        ({"alpha": math.nan}, r"^alpha: Input should be a finite number, not nan$"),
        ({"learning_rate": 0}, r"^learning_rate: .* greater than 0, not 0$"),
        ({"learning_rate": math.inf}, r"^learning_rate: .* finite number, not inf$"),
        ({"init": 3}, r"^init: .* valid string, not 3$"),
        ({"batch_size": 2.5}, r"^batch_size: .* integer.*, not 2.5$"),
        ({"teacher_data": "some"}, r"^teacher_data: Input should be 'full' or 'same', not 'some'$"),
        ({"depth": 7}, r"^depth 7 is more than the 6 layers of the model$"),
        ({"depth": None}, r"^depth: .*, not None$"),
        ({"steps": 10, "epochs": 1}, r"^give steps or epochs, not both$"),
        (
            {"teacher": "c" * 64, "teacher_data": "same"},
            r"^teacher_data=same needs a teacher that is trained",
        ),
        ({"seed": -1, "alpha": 2}, r"^alpha: .*; seed: .*$"),
        ({"init": "two\nlines", "depth": "a\nb"}, r"^depth: .*, not 'a\\nb'$"),
    ],
)
def test_a_wrong_value_is_named_in_one_line(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint) as error:
        parse_config(MINIMAL | values)
    assert "\n" not in str(error.value)


def test_a_missing_value_is_named() -> None:
    with pytest.raises(RequestError, match=r"^learning_rate: a value is missing$"):
        parse_config({name: value for name, value in MINIMAL.items() if name != "learning_rate"})


@pytest.mark.parametrize(
    ("values", "rows", "steps"),
    [
        ({"steps": 7}, 1000, 7),
        ({}, 1000, 200),
        ({"epochs": 1}, 64, 2),
        ({"epochs": 1}, 65, 3),  # the last batch of an epoch is a smaller one
        ({"epochs": 2.5}, 64, 5),
        ({"epochs": 0.01}, 64, 1),
    ],
)
def test_epochs_come_to_steps(values: dict[str, Any], rows: int, steps: int) -> None:
    assert TrialConfig(**MINIMAL | values | {"batch_size": 32}).training_steps(rows) == steps
