"""The contract of every place that submits, of this package and of a user's file."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cluster import Place
from cluster.submission.options import Options
from cluster.submission.place import Study, name_of
from study.planning.places import known_cluster, options_of
from tests.cluster.places import ENOUGH, FULL, HOSTILE, OURS, SUBMITTING, run_there, study_of

NAMES = [*SUBMITTING, "./ours.py"]
each_place = pytest.mark.parametrize("name", NAMES)
STUDY = Study("quickstart", ("run", "quickstart", "--cluster=running"), "/shared/home")


@pytest.fixture
def place(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    Path("ours.py").write_text(OURS)
    found = known_cluster(name)
    assert isinstance(found, Place)
    return found


def enough(name: str) -> dict[str, Any]:
    return ENOUGH.get(name, {})


def full(name: str) -> dict[str, Any]:
    return FULL.get(name, {"nodes": 2})


@each_place
def test_a_place_says_what_it_is_and_what_it_takes(name: str, place: Place) -> None:
    assert place.description.isprintable()
    assert issubclass(place.options, Options)
    assert place.tool in ("sbatch", "kubectl", "ray")
    own = place.options.model_fields.items()
    assert [option for option, field in own if not field.description and name in SUBMITTING] == []
    assert {"environment", "secrets"} <= set(place.options.model_fields)


@each_place
@pytest.mark.parametrize("values", [enough, full])
def test_the_same_request_renders_the_same_files(name: str, place: Place, values: Any) -> None:
    options = place.options(**values(name))
    files = place.render(STUDY, options)
    assert files == place.render(STUDY, place.options(**values(name)))
    assert files
    assert all(text.endswith("\n") for text in files.values())


@each_place
def test_no_file_has_a_token_or_the_value_of_a_secret(
    name: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "open-sesame")
    text = "".join(place.render(STUDY, place.options(**enough(name), secrets=("PGPASSWORD",))).values())
    assert "open-sesame" not in text
    assert re.search(r"[0-9a-f]{32}", text) is None
    assert re.search(r"RAY_AUTH_MODE=token|authOptions:\s+mode: token", text)


@each_place
def test_no_dashboard_listens_for_others(name: str, place: Place) -> None:
    text = "".join(place.render(STUDY, place.options(**full(name))).values())
    assert not re.search(r"0\.0\.0\.0|LoadBalancer|NodePort|enableIngress", text)
    assert re.search(r"--dashboard-host=127\.0\.0\.1|--include-dashboard=false|ClusterIP", text)


@pytest.mark.processes
@each_place
def test_hostile_values_arrive_as_they_are_and_run_nothing(name: str, place: Place, tmp_path: Path) -> None:
    variables = {f"V{n}": value for n, value in enumerate(HOSTILE)}
    study = study_of(["run", *HOSTILE, *(f"--set={value}" for value in HOSTILE)])
    files = place.render(study, place.options(**full(name) | {"environment": variables, "secrets": ()}))
    words, environment = run_there(files, tmp_path)
    assert words == list(study.command)
    assert {variable: environment.get(variable) for variable in variables} == variables
    assert list(tmp_path.rglob("pwned")) == []


@pytest.mark.processes
@each_place
def test_every_script_is_a_script_of_bash_and_every_other_file_is_yaml(name: str, place: Place) -> None:
    study = study_of(HOSTILE)
    values = full(name) | {"environment": {"A": "".join(HOSTILE)}}
    for file, text in place.render(study, place.options(**values)).items():
        if file.endswith(".yaml"):
            assert isinstance(yaml.safe_load(text), dict)
        else:
            subprocess.run(["bash", "-n"], input=text, text=True, check=True, timeout=30)


@each_place
def test_what_is_printed_to_copy_quotes_what_the_user_named(name: str, place: Place) -> None:
    study = study_of([])
    advice = place.advice(study, place.options(**full(name)), "7")
    assert all(line.isprintable() for line in advice.values())
    words = shlex.split(advice["status"])
    if study.name not in words:  # the command is one word, for a shell elsewhere
        words = shlex.split(words[-1])
    assert words[-5:] == ["kdstudy", "status", study.name, "--home", study.home]
    assert not [line for purpose, line in advice.items() if purpose != "status" and "touch" in line]
    assert "stop" in advice


@each_place
@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "a\u2028b", "a\x1b[2J"])
def test_a_value_of_more_than_one_line_is_refused(name: str, place: Place, value: str) -> None:
    with pytest.raises(ValidationError, match="one line of printable text"):
        place.options(**enough(name), environment={"A": value})


@each_place
@pytest.mark.parametrize(
    "value", ["a\nb", "a b", "-x", "$(x)", "a;b", "a'b", 'a"b', "ü", "", "#", "a\n", "`x`"]
)
def test_a_name_that_a_scheduler_reads_has_plain_letters_alone(name: str, place: Place, value: str) -> None:
    names = ("partition", "account", "gpu_type", "namespace", "claim", "image", "region", "head", "user")
    texts = [option for option in names if option in place.options.model_fields and name in SUBMITTING]
    for option in texts:
        with pytest.raises(ValidationError):
            place.options(**full(name) | {option: value})
    assert texts or name not in SUBMITTING


@each_place
@pytest.mark.parametrize(
    ("settings_", "why"),
    [
        (["enviroment=A=1"], "has no such option (did you mean environment?)"),
        (["environment=A"], "environment: must be environment=NAME=VALUE"),
        (["environment=A B=1"], "must be the name of an environment variable"),
        (["environment=API_KEY=1"], "API_KEY may be a secret; give secrets=API_KEY"),
        (["environment=RAY_AUTH_MODE=disabled"], "RAY_AUTH_MODE: the place sets this variable itself"),
        (["secrets=A;B"], "must be the name of an environment variable, not 'A;B'"),
        (["secrets"], "secrets: must be secrets=VALUE"),
    ],
)
def test_options_that_are_wrong_are_refused_in_one_line(
    name: str, place: Place, settings_: list[str], why: str
) -> None:
    needed = [f"{key}={value}" for key, value in enough(name).items()]
    with pytest.raises(ValueError, match=re.escape(why)) as error:
        options_of(name, place, [*needed, *settings_])
    assert str(error.value).isprintable()
    assert str(error.value).startswith("--place ")


@each_place
def test_variables_and_lists_may_be_given_several_times(name: str, place: Place) -> None:
    needed = [f"{key}={value}" for key, value in enough(name).items()]
    more = ["environment=A=1", "environment=B=x=y, z", "secrets=C,D", "secrets=E"]
    found = options_of(name, place, [*needed, *more])
    assert found.environment == {"A": "1", "B": "x=y, z"}
    assert found.secrets == ("C", "D", "E")


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=100))
def test_every_name_of_a_study_makes_a_label_of_dns(text: str) -> None:
    for longest in (40, 41):
        label = name_of(Study(text, (), ""), longest)
        assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", label)
        assert len(label) <= longest


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_two_studies_have_two_names(one: str, other: str) -> None:
    same = name_of(Study(one, (), "")) == name_of(Study(other, (), ""))
    assert same == (one == other)
