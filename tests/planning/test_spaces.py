"""Search spaces: where they come from, and what `--set` does to them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from study.errors import RequestError
from study.planning.changes import exclude, override
from study.planning.spaces import load_space, registered_spaces
from study.space import NEVER_TUNED, Range, SearchSpace, parse_value

RATE = Range(low=1e-4, high=1e-2, log=True)
SPACE = SearchSpace(
    question="why?",
    scientific={"init": ("random", "teacher"), "alpha": (1.0, 0.5)},
    nuisance={"learning_rate": RATE, "warmup": (0.0, 0.1)},
    fixed={"steps": 100},
    trials=4,
)


def test_a_registered_space_is_found_by_its_name() -> None:
    assert load_space("quickstart") == ("quickstart", registered_spaces()["quickstart"])
    hint = r"\(did you mean quickstart\?\)"
    with pytest.raises(
        RequestError, match=rf"^quikstart: no such search space {hint}; there are best_student, .*file$"
    ):
        load_space("quikstart")


def test_a_space_outside_the_repository_is_found_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "my_space.py"
    path.write_text("from study.space import SearchSpace\nSPACE = SearchSpace(question='mine?', trials=7)\n")
    name, space = load_space(str(path))
    assert (name, space.question, space.trials) == ("my_space", "mine?", 7)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no such file"),
        ("", "must export SPACE"),
        ("SPACE = {'question': 'why?'}", "must export SPACE"),
        ("SPACE = (", "SyntaxError: "),
        ("raise OSError('two\\nlines')", "OSError: two lines"),
        ("import sys; sys.exit('done')", "ends the program (SystemExit: done) and exports no SPACE"),
        ("import absent_neighbour", "ModuleNotFoundError: No module named 'absent_neighbour'"),
        ("from study.space import *; SPACE = SearchSpace(question='why?')", "trials: Field required"),
        (
            "from study.space import *; SPACE = SearchSpace(question='why?', trials=1, fixed={'lr': 1})",
            "lr: no such hyperparameter",
        ),
        (
            "from study.space import *; SPACE = SearchSpace(question='why?', trials=1, sampler='gird')",
            "sampler: no such sampler as gird (did you mean grid?); there are quasi, ",
        ),
        (
            "from study.space import *; SPACE = SearchSpace(question='why?', trials=1, pruner='best')",
            "pruner: no such pruner as best; there are none, ",
        ),
        (
            "from study.space import *; SPACE = SearchSpace(question='why?', trials=1, sampler='grid',"
            " nuisance={'alpha': Range(low=0, high=1)})",
            "alpha: the sampler grid needs levels, not a range",
        ),
    ],
)
def test_a_file_without_a_space_is_refused_in_one_line(
    tmp_path: Path, content: str | None, complaint: str
) -> None:
    path = tmp_path / "broken.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RequestError) as error:
        load_space(str(path))
    assert str(error.value).startswith(f"{path}: {complaint}")
    assert "\n" not in str(error.value)


BESIDE_OTHERS = """
from dataclasses import dataclass

import tokenizers
from neighbour.inner import TRIALS
from study.space import SearchSpace

@dataclass
class Budget:
    trials: "int" = TRIALS

print("a space that prints", tokenizers.MINE)
SPACE = SearchSpace(question="why?", trials=Budget().trials)
"""


def test_a_file_runs_as_a_script_runs_beside_its_neighbours_and_leaves_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One neighbour is called like a library, which later imports must find."""
    (tmp_path / "neighbour").mkdir()
    for name, text in (
        ("space.py", BESIDE_OTHERS),
        ("tokenizers.py", "MINE = 7"),
        ("neighbour/__init__.py", ""),
        ("neighbour/inner.py", "TRIALS = 5"),
    ):
        (tmp_path / name).write_text(text)
    known = sys.modules.pop("tokenizers", None)
    path, files = list(sys.path), sorted(tmp_path.rglob("*"))
    try:
        assert load_space(str(tmp_path / "space.py"))[1].trials == 5
        assert "tokenizers" not in sys.modules
    finally:
        if known is not None:
            sys.modules["tokenizers"] = known
    assert (sys.path, sorted(tmp_path.rglob("*"))) == (path, files)
    assert not [name for name in sys.modules if name.partition(".")[0] == "neighbour"]
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "a space that prints 7\n")


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


@pytest.mark.parametrize("name", sorted(NEVER_TUNED))
def test_what_belongs_to_the_question_is_never_tuned(tmp_path: Path, name: str) -> None:
    level = {"data_fraction": 0.1, "label_floor": 0, "teacher_data": "'same'", "teacher_seed": 1}[name]
    file = tmp_path / "space.py"
    file.write_text(
        "from study.space import SearchSpace\n"
        f"SPACE = SearchSpace(question='?', nuisance={{'{name}': ({level},)}}, trials=2)\n"
    )
    with pytest.raises(RequestError) as refused:
        load_space(str(file))
    assert str(refused.value).startswith(f"{file}: {name}: is a part of the question, and is never tuned")
    assert f"levels of it ({name}=A,B) make arms" in str(refused.value)


def test_a_range_is_refused_if_the_spaces_sampler_needs_levels() -> None:
    space = SearchSpace(question="why?", trials=4, sampler="grid", nuisance={"warmup": (0.0, 0.1)})
    with pytest.raises(RequestError, match=r"^--set: warmup: the sampler grid needs levels, not a range$"):
        override(space, ["warmup=0..0.1"])


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-3", -3), ("3.0", 3.0), ("1e-4", 1e-4), ("1/2", "1/2"), ("base", "base"), ("", "")],
)
def test_a_value_is_a_number_where_it_is_one(text: str, value: Any) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)
