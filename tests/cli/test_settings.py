"""The catalogue of what can be set: whole, right, and the same in the README of the search spaces."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cluster import registered_clusters
from study.cli.catalogue import Setting, catalogue, markdown, options_at
from study.config import TrialConfig, parse_config
from study.errors import RequestError
from study.planning.changes import check_space
from study.planning.plan import ModelFacts, Plan
from study.planning.pruners import pruners
from study.planning.samplers import samplers
from study.space import NOT_SEARCHED, SearchSpace
from study.trial.losses.distillation import distillation_losses
from study.trial.models.init_methods import init_methods
from study.trial.models.layer_maps import layer_maps

README = Path(__file__).parents[2] / "search_spaces" / "README.md"
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"
REQUIRED = {"task": "t", "model": "m", "model_layers": 4, "depth": 2}
REQUIRED |= {"learning_rate": 1e-3, "teacher_learning_rate": 1e-3}


def of(kind: str) -> dict[str, Setting]:
    return {setting.name: setting for setting in catalogue() if setting.kind == kind}


def test_every_hyperparameter_is_there_with_what_it_does() -> None:
    known = set(TrialConfig.model_fields) - NOT_SEARCHED | {"seed", "data_seed"}
    found = of("hyperparameter")
    assert found.keys() == known
    assert all(s.about and s.values and s.default and s.role and s.given for s in found.values())


def test_every_registered_name_is_there_with_what_it_is() -> None:
    registered: dict[str, Iterable[str]] = {
        "init method": init_methods(),
        "layer map": layer_maps(),
        "distillation loss": distillation_losses(),
        "sampler": samplers(),
        "pruner": pruners(),
        "cluster": registered_clusters(),
    }
    for kind, names in registered.items():
        assert of(kind).keys() == set(names)
        assert all(setting.about and setting.given for setting in of(kind).values())


def test_defaults_are_those_of_a_trial() -> None:
    config = TrialConfig(**REQUIRED)
    for name, setting in of("hyperparameter").items():
        if name not in REQUIRED:
            assert setting.default == str("none" if (value := getattr(config, name)) is None else value), name
    space = SearchSpace(question="?", trials=1)
    plan = Plan.make("demo", space, "t", ModelFacts("m", 9, 7e-4), "", {})
    assert plan.constants["depth"] == 4  # half of the model's layers
    assert plan.constants["learning_rate"] == plan.constants["teacher_learning_rate"] == 7e-4


@pytest.mark.parametrize(
    ("name", "values", "inside", "outside"),
    [
        ("alpha", "number >= 0 and <= 1", 1, 1.01),
        ("temperature", "number > 0", 0.1, 0),
        ("max_length", "integer >= 4", 4, 3),
        ("teacher_data", "full | same", "same", "half"),
        ("epochs", "number > 0", 0.5, 0),
    ],
)
def test_values_are_those_that_a_trial_takes(name: str, values: str, inside: Any, outside: Any) -> None:
    assert of("hyperparameter")[name].values == values
    parse_config(REQUIRED | {name: inside})
    with pytest.raises(RequestError, match=f"^{name}: "):
        parse_config(REQUIRED | {name: outside})


def test_a_role_says_whether_a_range_can_be_tuned() -> None:
    for name, setting in of("hyperparameter").items():
        if name in ("seed", "data_seed"):
            continue
        ranged = {"question": "?", "trials": 1, "nuisance": {name: {"low": 1, "high": 2}}}
        if "a range" in setting.role:
            check_space(SearchSpace(**ranged))
        else:
            with pytest.raises(ValueError, match=r"needs levels, not a range|is never tuned"):
                check_space(SearchSpace(**ranged))


def test_one_name_is_shown_in_full(command: Any) -> None:
    answer = command("settings", "temperature")
    assert answer.code == 0
    setting = of("hyperparameter")["temperature"]
    for fact in (setting.about, setting.default, setting.values, setting.role, setting.given):
        assert fact in answer.out


def test_a_name_that_names_two_things_shows_both(command: Any) -> None:
    kinds = [found["kind"] for found in json.loads(command("settings", "random", "--json").out)]
    assert kinds == ["init method", "sampler"]


def test_json_has_every_setting(command: Any) -> None:
    found = json.loads(command("settings", "--json").out)
    assert [Setting(**each) for each in found] == catalogue()


@pytest.mark.parametrize("width", [80, 140])
def test_no_name_is_broken_at_the_width_of_a_terminal(
    command: Any, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.cli.console.out", Console(width=width))
    shown = command("settings").out
    assert max(len(line) for line in shown.splitlines() if not line.startswith("kdstudy ")) <= width
    assert {setting.name for setting in catalogue()} <= set(shown.split())


def test_the_table_in_the_readme_is_the_one_that_the_command_prints(command: Any) -> None:
    text = README.read_text("utf-8")
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    table = text.partition(BEGIN)[2].partition(END)[0].strip()
    hint = f"put the output of `kdstudy settings --markdown` between the two comments of {README.name}"
    assert table == markdown(catalogue()), hint
    assert command("settings", "--markdown").out.strip() == table


def test_a_table_in_markdown_has_as_many_cells_in_every_row() -> None:
    text = markdown([Setting("sampler", "a|b", "either | or", "--sampler a|b")])
    rows = [line for line in text.splitlines() if line]
    assert [line.replace("\\|", "").count("|") for line in rows] == [6, 6, 5, 5, 5]


@pytest.mark.parametrize("name", [name for name in registered_clusters() if options_at(name)])
def test_the_readme_of_the_places_has_the_options_of_each(name: str) -> None:
    text = (README.parents[1] / "cluster" / "README.md").read_text("utf-8")
    _, begin, rest = text.partition(f"<!-- options {name}: begin -->\n")
    table, end, _ = rest.partition(f"\n<!-- options {name}: end -->")
    assert begin
    assert end
    assert table == markdown(options_at(name)), f"run: kdstudy settings {name} --markdown"
