"""A plan: what a run would do, without a run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.cli.budget import Budget
from study.cli.options import OnWhat, Where
from study.cli.requested import resolved
from study.ledger.study import OpenStudy
from study.planning.capacity import Machine
from study.planning.seeds import block_of
from study.selection import BestValidation
from tests.cli.place import ON, Place


def test_a_plan_counts_arms_and_trials_and_writes_nothing(
    command: Any, place: Place, tree: Callable[[Path], dict[str, str]]
) -> None:
    before = tree(place.folder)
    arguments = place.filled(f"plan {{space}} {ON} --trials 5 --set learning_rate=1e-3..1e-2")
    plan = json.loads(command(*arguments, "--json").out)
    assert [arm["arm"] for arm in plan["arms"]] == [
        f"init={init} alpha={alpha}" for init in ("teacher", "random") for alpha in ("0.5", "1.0")
    ]
    assert {arm["search"] for arm in plan["arms"]} == {5}
    assert (plan["search"], plan["confirm"], plan["trials"]) == (20, 12, 32)
    assert plan["steps"] == 32 * 50
    assert plan["nuisance"]["learning_rate"] == {"low": 1e-3, "high": 1e-2, "log": True}
    assert plan["fixed"]["depth"] == 2
    table = command(*arguments)
    assert (table.code, table.err) == (0, "")
    assert all(arm["arm"] in table.out for arm in plan["arms"])
    assert "32 trials, 1600 trial-steps in all" in table.out
    assert re.search(r"^memory of a trial: .* at once on this machine \(.* GiB\)$", table.out, re.M)
    assert plan["memory"]["cpu"] > 2**29
    assert tree(place.folder) == before


def test_a_margin_is_given_in_points(command: Any, place: Place) -> None:
    for option, margin, said in (("", 0.01, "1 point"), (" --margin 2.5", 0.025, "2.5 points")):
        arguments = place.filled(f"plan {{space}} {ON}{option}")
        assert json.loads(command(*arguments, "--json").out)["margin"] == margin
        assert f"a difference of at most {said} counts as no difference" in command(*arguments).out
    assert command(*place.filled(f"plan {{space}} {ON} --margin 0")).code == 2


def test_a_sampler_takes_the_place_of_the_spaces(command: Any, place: Place) -> None:
    for option, sampler in (("", "quasi"), (" --sampler tpe", "tpe")):
        arguments = place.filled(f"plan {{space}} {ON}{option}")
        assert json.loads(command(*arguments, "--json").out)["sampler"] == sampler
        assert f"by {sampler} search, from" in command(*arguments).out


def test_pruner_and_reports_take_the_place_of_the_spaces(command: Any, place: Place) -> None:
    _, space, *on = place.filled(f"plan {{space}} {ON} --home new")
    given: dict[str, Any] = {
        name.removeprefix("--"): value for name, value in zip(on[::2], on[1::2], strict=True)
    }
    where = Where(home=Path(given.pop("home")))
    asked = resolved(space, Budget(pruner="median", reports=7), OnWhat(**given), where).plan.space
    assert (asked.pruner, asked.reports) == ("median", 7)
    assert command(*place.filled(f"plan {{space}} {ON} --pruner median --reports 7")).code == 0
    for option in ("--pruner mediam", "--reports 0"):
        refused = command(*place.filled(f"plan {{space}} {ON} {option}"))
        assert refused.code == 2
        assert option.split()[0] in refused.err


def test_a_plan_shows_every_value_with_its_role(command: Any, place: Place) -> None:
    settings = "--set data_fraction=0.5,1 --set steps=20..40 --set batch_size=8"
    shown = command(*place.filled(f"plan {{space}} {ON} {settings}")).out
    scientific, rest = shown.split("nuisance, tuned per arm")
    nuisance, fixed = rest.split("fixed, a caveat")
    assert re.search(r"data_fraction +0\.5, 1 *\n", scientific.split("scientific, makes the arms")[1])
    assert re.search(r"steps +20\.\.40 *\n", nuisance)
    assert re.search(r"batch_size +8 *\n", fixed)


def test_a_plan_shows_its_draw_and_another_name_or_block_is_another_draw(command: Any, place: Place) -> None:
    """The seed block follows from the name of the study, here that of the space's file."""
    line = f"plan {{space}} {ON} --confirm-seeds 2"
    own, named, given = (
        json.loads(command(*place.filled(f"{line} {option} --json")).out)
        for option in ("", "--name second", "--seed-block 7")
    )
    assert own["seed_block"] == block_of(own["name"])
    assert named["seed_block"] == block_of("second") != own["seed_block"]
    assert (given["seed_block"], given["tunings"], given["selection"]) == (7, 1, "interpolated")
    shown = command(*place.filled(f"{line} --seed-block 7 --set learning_rate=1e-3..1e-2")).out
    assert "seed block 7: search at seed 7000, confirm at 7001 to 7002; --seed-block chooses" in shown
    assert "confirm runs at the interpolated optimum of the search" in shown


def test_tunings_multiply_search_and_confirm_runs(command: Any, place: Place) -> None:
    line = f"plan {{space}} {ON} --trials 3 --confirm-seeds 2 --seed-block 7"
    once, thrice = (
        json.loads(command(*place.filled(f"{line} {option} --json")).out) for option in ("", "--tunings 3")
    )
    for name in ("search", "confirm", "trials", "steps"):
        assert thrice[name] == 3 * once[name]
    assert thrice["teachers"] == once["teachers"]
    assert thrice["tunings"] == 3
    shown = command(*place.filled(f"{line} --tunings 3")).out
    assert "3 tunings of each arm, in the seed blocks 7 to 9\n" in shown


@pytest.mark.parametrize("option", ["--tunings 0", "--seed-block -1", "--seed-block 2000000", "--tunings x"])
def test_a_draw_that_cannot_be_is_refused(command: Any, place: Place, option: str) -> None:
    answer = command(*place.filled(f"plan {{space}} {ON} {option}"))
    assert answer.code == 2
    assert option.split()[0] in answer.err


def test_the_sampler_is_checked_with_the_ranges_that_set_gives(command: Any, place: Place) -> None:
    """The space has a range of learning rates, which a grid cannot search, and --set gives levels instead."""
    grid = f"plan {{space}} {ON} --sampler grid"
    refused = command(*place.filled(grid))
    assert refused.err == "kdstudy: learning_rate: the sampler grid needs levels, not a range\n"
    answer = command(*place.filled(f"{grid} --set learning_rate=1e-3,1e-2 --json"))
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["sampler"] == "grid"


def test_a_plan_names_arms_that_tune_more_on_the_same_budget(command: Any, place: Place) -> None:
    arguments = place.filled(f"plan {{space}} {ON} --set learning_rate=1e-3..1e-2")
    assert "a caveat: on the same budget" not in command(*arguments).out
    answer = command(*arguments, "--set", "temperature=1..8")
    assert (
        "a caveat: on the same budget init=teacher alpha=1.0 tunes learning_rate, "
        "init=teacher alpha=0.5 temperature, learning_rate\n"
    ) in answer.out


@pytest.mark.parametrize("command_line", ["plan", "run"])
def test_what_has_no_room_in_this_machine_is_refused_at_planning(
    command: Any, place: Place, tree: Any, monkeypatch: pytest.MonkeyPatch, command_line: str
) -> None:
    monkeypatch.setattr("study.planning.capacity.this_machine", lambda: Machine(2, 2**29))
    before = tree(place.folder)
    answer = command(*place.filled(f"{command_line} {{space}} {ON}"))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("kdstudy: memory: a student of depth 2 on 32 texts a step takes about 0.")
    assert answer.err.endswith("has 0.5 GiB: --set a smaller depth, batch_size or max_length\n")
    assert tree(place.folder) == before


def test_of_a_cluster_a_plan_says_what_a_trial_takes(command: Any, place: Place) -> None:
    arguments = place.filled(f"plan {{space}} {ON} --cluster running")
    assert "the cluster decides how many fit" in command(*arguments).out
    memory = json.loads(command(*arguments, "--json").out)["memory"]
    assert memory["where"] is None
    assert memory["gpu"] > 0


def test_a_plan_says_what_is_odd_about_the_data(command: Any, place: Place, build_task_folder: Any) -> None:
    build_task_folder(place.folder / "odd", without={("train", "yor")})
    arguments = place.filled("plan {space} --task {odd} --model {model}")
    assert command(*arguments).err == "note: no train rows in yor: scored as unseen\n"
    assert json.loads(command(*arguments, "--json").out)["notes"] == [
        "no train rows in yor: scored as unseen"
    ]


def test_a_plan_says_how_many_points_are_tried_first(command: Any, place: Place, tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text("learning_rate\n1e-3\n2e-3\n")
    line = f"plan {{space}} {ON} --trials 4 --set learning_rate=1e-4..1e-2"
    shown = command(*place.filled(line), "--enqueue", points).out
    assert "2 points are tried first (--enqueue)\n" in shown
    points.write_text("learning_rate\n1\n")
    refused = command(*place.filled(line), "--enqueue", points)
    assert refused.code == 2
    assert refused.err.startswith(f"kdstudy: {points}: enqueued point 1: learning_rate: 1 is not in 0.0001..")


def test_the_best_points_of_another_study_are_tried_first(
    command: Any, finished_study: Any, tmp_path: Path
) -> None:
    line = ["plan", finished_study.space, *finished_study.on, "--home", finished_study.home.root]
    line += ["--name", "next", "--from-study", finished_study.name]
    found = json.loads(command(*line, "--json").out)["enqueued"]
    records = OpenStudy.at(finished_study.home, finished_study.name, looks=True).ledger.records()
    best = BestValidation().best_of_arms(r for r in records if r.phase == "search")
    assert [(point["init"], point["learning_rate"]) for point in found] == [
        (record.config.init, record.config.learning_rate) for record in best.values()
    ]
    points = tmp_path / "points.csv"
    points.write_text("learning_rate\n1e-9\n")
    for more in ([], ["--enqueue", points]):
        nowhere = command(*line, "--set", "learning_rate=1e-9,2e-9", *more)
        assert nowhere.code == 2
        assert "none of its arms has a best trial in this search space" in nowhere.err
    assert command(*line[:-1], "nobody").err.endswith("has no such study\n")


def test_an_excluded_combination_is_no_arm_of_the_plan(command: Any, place: Place) -> None:
    line = place.filled(f"plan {{space}} {ON} --exclude init=random,alpha=1 --json")
    arms = [arm["arm"] for arm in json.loads(command(*line).out)["arms"]]
    assert arms == ["init=teacher alpha=0.5", "init=teacher alpha=1.0", "init=random alpha=0.5"]
