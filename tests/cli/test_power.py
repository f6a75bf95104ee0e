"""What a plan says of the differences that it can detect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analysis.statistics.power import detectable
from study.cli.power import EMBEDDED, Detects, power_lines
from tests.cli.place import ON, Place


def test_a_plan_says_what_it_detects_and_what_more_seeds_and_trials_would(command: Any, place: Place) -> None:
    arguments = place.filled(f"plan {{space}} {ON} --confirm-seeds 4")
    found = json.loads(command(*arguments, "--json").out)["detects"]
    assert found["seeds"] == 4
    assert (found["noise"], found["measured"]) == (EMBEDDED.noise, "the embedded task")
    tuning = EMBEDDED.tuning * EMBEDDED.trials / found["trials"] if found["tuning"] else 0.0
    assert found["difference"] == pytest.approx(detectable(EMBEDDED.noise, 4, tuning))
    assert list(found["more_seeds"]) == ["6", "8", "12"]
    assert sorted(found["more_seeds"].values(), reverse=True) == list(found["more_seeds"].values())
    printed = command(*arguments).out
    assert all(line in printed for line in power_lines(Detects(**found)))


def test_more_trials_are_counted_where_a_range_is_tuned(command: Any, place: Place) -> None:
    question = f"plan quickstart {ON} --trials 8"
    found = json.loads(command(*place.filled(question), "--json").out)["detects"]
    assert found["trials"] == 8
    assert found["tuning"] == pytest.approx(EMBEDDED.tuning * EMBEDDED.trials / 8)
    assert list(found["more_trials"]) == ["12", "16", "24"]
    gaps = [found["difference"], *found["more_trials"].values()]
    assert sorted(gaps, reverse=True) == gaps
    assert gaps[-1] > detectable(EMBEDDED.noise, found["seeds"])
    fixed = json.loads(command(*place.filled(question), "--set", "learning_rate=1e-3", "--json").out)[
        "detects"
    ]
    assert (fixed["tuning"], fixed["more_trials"]) == (0, {})
    assert fixed["difference"] == pytest.approx(detectable(EMBEDDED.noise, found["seeds"]))


def test_a_plan_with_one_confirm_seed_says_nothing_of_it(command: Any, place: Place) -> None:
    arguments = place.filled(f"plan {{space}} {ON} --confirm-seeds 1")
    assert json.loads(command(*arguments, "--json").out)["detects"] is None
    assert "detects:" not in command(*arguments).out


def test_a_study_of_the_same_task_in_the_home_is_the_pilot(command: Any, finished_copy: Any) -> None:
    study = finished_copy
    where = ["--home", study.home.root, *study.on]
    found = json.loads(command("plan", study.space, *where, "--name", "another", "--json").out)["detects"]
    assert found["measured"] == f"study {study.name}"
