"""What a plan says of the differences that it can detect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analysis.statistics.power import detectable
from study.cli.power import EMBEDDED, Detects, power_lines
from tests.cli.place import ON, Place


def test_a_plan_says_what_it_detects_and_what_more_seeds_would(command: Any, place: Place) -> None:
    arguments = place.filled(f"plan {{space}} {ON} --confirm-seeds 4")
    found = json.loads(command(*arguments, "--json").out)["detects"]
    assert found["seeds"] == 4
    assert (found["noise"], found["measured"]) == (EMBEDDED, "the embedded task")
    assert found["difference"] == pytest.approx(detectable(EMBEDDED, 4))
    assert list(found["more"]) == ["6", "8", "12"]
    assert sorted(found["more"].values(), reverse=True) == list(found["more"].values())
    (line,) = power_lines(Detects(**found))
    assert line in command(*arguments).out


def test_a_plan_with_one_confirm_seed_says_nothing_of_it(command: Any, place: Place) -> None:
    arguments = place.filled(f"plan {{space}} {ON} --confirm-seeds 1")
    assert json.loads(command(*arguments, "--json").out)["detects"] is None
    assert "detects:" not in command(*arguments).out


def test_a_study_of_the_same_task_in_the_home_is_the_pilot(command: Any, finished_copy: Any) -> None:
    study = finished_copy
    where = ["--home", study.home.root, *study.on]
    found = json.loads(command("plan", study.space, *where, "--name", "another", "--json").out)["detects"]
    assert found["measured"] == f"study {study.name}"
