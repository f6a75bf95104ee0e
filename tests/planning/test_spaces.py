"""Search spaces: where they come from, and what is wrong with a file of one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from study.errors import RequestError
from study.planning.spaces import load_space, registered_spaces
from study.space import NEVER_TUNED, parse_value


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


@pytest.mark.parametrize("name", sorted(NEVER_TUNED))
def test_what_belongs_to_the_question_is_never_tuned(tmp_path: Path, name: str) -> None:
    levels = {"data_fraction": 0.1, "label_floor": 0, "teacher_data": "'same'", "teacher_seed": 1}
    level = levels.get(name, "'deu'")
    file = tmp_path / "space.py"
    file.write_text(
        "from study.space import SearchSpace\n"
        f"SPACE = SearchSpace(question='?', nuisance={{'{name}': ({level},)}}, trials=2)\n"
    )
    with pytest.raises(RequestError) as refused:
        load_space(str(file))
    assert str(refused.value).startswith(f"{file}: {name}: is a part of the question, and is never tuned")
    assert f"levels of it ({name}=A,B) make arms" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-3", -3), ("3.0", 3.0), ("1e-4", 1e-4), ("1/2", "1/2"), ("base", "base"), ("", "")],
)
def test_a_value_is_a_number_where_it_is_one(text: str, value: Any) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)
