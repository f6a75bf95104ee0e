"""Points that are tried first: which file is read how, and which arm gets which point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.errors import RequestError
from study.planning.enqueued import points_of, with_points
from study.planning.plan import Plan
from study.space import Range, SearchSpace

MakePlan = Callable[..., Plan]

SPACE = SearchSpace(
    question="?",
    scientific={"init": ("random", "teacher")},
    nuisance={
        "learning_rate": Range(low=1e-4, high=1e-2, log=True),
        "steps": Range(low=100, high=400),
        "batch_size": (16, 32),
    },
    trials=4,
)
CSV = "init,learning_rate,steps,batch_size\nteacher,3e-4,200,16\n,1e-3,100,32\n"
JSONL = """{"init": "teacher", "learning_rate": 0.0003, "steps": 200, "batch_size": 16}

{"learning_rate": 1e-3, "steps": 100, "batch_size": 32}
"""


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"), [("points.csv", CSV), ("points.jsonl", JSONL), ("bom.csv", "\ufeff" + CSV)]
)
def test_a_file_gives_a_point_a_row_and_an_empty_cell_is_no_value(
    tmp_path: Path, name: str, content: str
) -> None:
    one, two = with_points(SPACE, file(tmp_path, name, content)).enqueued
    assert one == {"init": "teacher", "learning_rate": 3e-4, "steps": 200, "batch_size": 16}
    assert two == {"learning_rate": 1e-3, "steps": 100, "batch_size": 32}
    assert [type(value) for value in two.values()] == [float, int, int]


def test_points_of_a_file_stand_in_front_of_those_of_the_space(tmp_path: Path) -> None:
    one = with_points(SPACE, file(tmp_path, "one.csv", "learning_rate\n1e-3\n"))
    both = with_points(one, file(tmp_path, "two.csv", "learning_rate\n2e-3\n"))
    assert [point["learning_rate"] for point in both.enqueued] == [2e-3, 1e-3]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("points.txt", CSV, "must be a .csv or a .jsonl file"),
        ("points.csv", "", "there is no point"),
        ("points.csv", "learning_rate\n", "there is no point"),
        ("points.csv", b"learning_rate\n\xff\n", "is not UTF-8 text"),
        ("points.csv", "learning_rate\n1e-3,5\n", "point 1: has more values than the header has names"),
        ("points.csv", "learning_rate\n1\n", "enqueued point 1: learning_rate: 1 is not in 0.0001..0.01"),
        ("points.csv", "learning_rate\n1e-3\nfast\n", "enqueued point 2: learning_rate: fast is not in"),
        ("points.csv", "steps\n150.5\n", "enqueued point 1: steps: 150.5 is no whole number"),
        ("points.csv", "batch_size\n64\n", "enqueued point 1: batch_size: 64 is none of 16, 32"),
        ("points.csv", "alpha\n0.5\n", "enqueued point 1: alpha: is not searched; a point may have init, "),
        ("points.jsonl", "{", "line 1: is not JSON"),
        ("points.jsonl", "[1]", "line 1: must be an object, such as"),
        ("points.jsonl", '{"steps": true}', "line 1: steps: must be a number or text, not True"),
        ("points.jsonl", '{"steps": null}', "line 1: steps: must be a number or text, not None"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, name: str, content: str | bytes, complaint: str
) -> None:
    path = file(tmp_path, name, content)
    with pytest.raises(RequestError) as refused:
        with_points(SPACE, path)
    assert str(refused.value).startswith(f"{path}: {complaint}")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(RequestError, match=str(path)):
            with_points(SPACE, path)


TUNED: dict[str, Any] = {
    "learning_rate": Range(low=1e-4, high=1e-2, log=True),
    "temperature": Range(low=1, high=8),
}


def test_an_arm_gets_its_own_points_and_those_of_all_arms_without_what_has_no_effect(
    make_plan: MakePlan,
) -> None:
    points = (
        {"alpha": 0.5, "learning_rate": 1e-3, "temperature": 2},
        {"learning_rate": 2e-3, "temperature": 4},
        {"learning_rate": 2e-3, "temperature": 8},
    )
    plan = make_plan(scientific={"alpha": (1.0, 0.5)}, nuisance=TUNED, enqueued=points)
    labels_only, distilled = plan.arms()
    assert points_of(plan, labels_only) == [{"learning_rate": 2e-3}]  # without a temperature, two are one
    assert points_of(plan, distilled) == [
        {"learning_rate": 1e-3, "temperature": 2},
        {"learning_rate": 2e-3, "temperature": 4},
        {"learning_rate": 2e-3, "temperature": 8},
    ]


@pytest.mark.parametrize(
    ("points", "complaint"),
    [
        (
            ({"learning_rate": 1e-3},),
            "enqueued point 1: temperature: a value is missing; alpha=0.5 searches it",
        ),
        (
            tuple({"learning_rate": 1e-3, "temperature": t} for t in (1, 2, 3)),
            "alpha=0.5 has 3 enqueued points and 2 trials; give --trials 3 or more",
        ),
    ],
)
def test_a_point_that_lacks_a_value_or_has_no_trial_is_refused(
    make_plan: MakePlan, points: tuple[dict[str, Any], ...], complaint: str
) -> None:
    with pytest.raises(RequestError) as refused:
        make_plan(scientific={"alpha": (1.0, 0.5)}, nuisance=TUNED, trials=2, enqueued=points)
    assert str(refused.value) == complaint


def test_points_are_part_of_what_a_study_is_and_survive_json(make_plan: MakePlan) -> None:
    plan = make_plan(enqueued=({"learning_rate": 1e-3},))
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert plan.identity() != make_plan().identity()


def test_a_depth_of_a_point_may_be_a_share(make_plan: MakePlan) -> None:
    plan = make_plan(nuisance={"depth": ("1/3", "1/2")}, enqueued=({"depth": "1/2"},))
    assert points_of(plan, plan.arms()[0]) == [{"depth": 3}]
