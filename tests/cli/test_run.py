"""A run: of a study that is finished, nothing is left to drive; everything else needs a driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study.cli.run import find_finished
from study.ledger.ledger import Ledger
from study.tracking.journal import Journal, unsent_mark


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls of the driver, which does nothing."""
    calls: list[Any] = []
    for module in ("run", "resume"):
        monkeypatch.setattr(f"study.cli.{module}.drive", lambda *given, register=None: calls.append(given))
    return calls


def test_a_finished_study_is_printed_and_not_driven(
    command: Any, driven: list[Any], finished_study: Any
) -> None:
    study = finished_study
    resumed = command("resume", study.name, "--home", study.home.root)
    assert resumed.err == f"study {study.name} is finished: all 20 planned trials have ended\n"
    for part in (
        f"study {study.name}",
        "arms (accuracy",
        "per language, test",
        f"home       {study.home.root}",
    ):
        assert part in resumed.out
    again = command("run", study.space, *study.on, "--home", study.home.root)
    assert (again.code, again.out, again.err) == (0, resumed.out, resumed.err)
    fewer = command("run", study.space, *study.on, "--home", study.home.root, "--trials", "1")
    assert (fewer.code, fewer.out) == (0, resumed.out)
    assert driven == []


def test_a_look_at_a_finished_study_changes_nothing(
    command: Any, driven: list[Any], finished_study: Any, tree: Any
) -> None:
    before = tree(finished_study.home.root)
    command("resume", finished_study.name, "--home", finished_study.home.root)
    assert tree(finished_study.home.root) == before


def test_a_lower_budget_is_the_new_budget_for_plan_and_run_and_a_default_lowers_nothing(
    command: Any, driven: list[Any], finished_study: Any
) -> None:
    study = finished_study
    on = (study.space, *study.on, "--home", study.home.root)
    line = "note: search trials per arm: 1, no longer 2; up to 2 were started: nothing new is searched"
    fewer, planned = command("run", *on, "--trials", "1"), command("plan", *on, "--trials", "1")
    assert fewer.err.startswith(line)
    assert planned.err.startswith(line)
    assert "all 20 planned trials have ended" in fewer.err
    assert "20 trials, " in planned.out
    assert driven == []
    same = command("plan", *on)
    assert (same.err, same.out) == ("", planned.out)


@pytest.mark.parametrize("more", [("--trials", "3"), ("--confirm-seeds", "4")])
def test_a_larger_budget_is_driven(
    command: Any, driven: list[Any], finished_study: Any, more: tuple[str, str]
) -> None:
    study = finished_study
    answer = command("run", study.space, *study.on, "--home", study.home.root, *more)
    assert (answer.code, answer.out, len(driven)) == (0, "", 1)


def test_a_finished_study_under_another_space_or_url_is_refused(
    command: Any, driven: list[Any], finished_study: Any
) -> None:
    study = finished_study
    run = ("run", study.space, *study.on, "--home", study.home.root)
    other = command(*run, "--set", "steps=60")
    assert (other.code, other.out) == (2, "")
    assert other.err.startswith(f"kdstudy: study {study.name} was begun otherwise: ")
    moved = command(*run, "--ledger-url", "sqlite:///elsewhere.db")
    assert (moved.code, moved.out) == (2, "")
    assert f"study {study.name} was begun with " in moved.err
    assert driven == []


def test_failed_trials_are_told_by_the_exit_code_and_driven_only_to_be_retried(
    command: Any, driven: list[Any], finished_copy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = finished_copy
    import study.cli.status as module

    found = module.read_status(study.home, study.name)
    monkeypatch.setattr(module, "read_status", lambda home, name: found | {"complete": 19, "failed": 1})
    resume = ("resume", study.name, "--home", study.home.root)
    assert command(*resume).code == 1
    assert driven == []
    command(*resume, "--retry-failed")
    assert len(driven) == 1


def test_with_nothing_failed_a_retry_is_not_driven(
    command: Any, driven: list[Any], finished_study: Any
) -> None:
    study = finished_study
    assert command("resume", study.name, "--retry-failed", "--home", study.home.root).code == 0
    assert driven == []


def test_a_resume_goes_to_another_cluster_and_the_plan_that_is_driven_remembers_it(
    command: Any, driven: list[Any], finished_copy: Any
) -> None:
    study = finished_copy
    ledger = Ledger(study.home.urls(study.name)["ledger_url"], study.name)
    plan = ledger.require_plan()
    ledger.open(plan.model_copy(update={"space": plan.space.model_copy(update={"trials": 3})}))
    resume = ("resume", study.name, "--home", study.home.root)
    assert command(*resume, "--cluster", "10.0.0.7:6379").code == 0
    wanted = driven[0][0]
    assert wanted.request.cluster == wanted.plan.request["cluster"] == "10.0.0.7:6379"
    ledger.open(wanted.plan)  # as the driver does
    assert command(*resume).code == 0
    assert driven[1][0].request.cluster == "10.0.0.7:6379"
    refused = command(*resume, "--cluster", "moon")
    assert (refused.code, len(driven)) == (2, 2)
    assert refused.err.startswith(
        "kdstudy: --cluster moon: no such cluster; there are aws, gcp, kubernetes, local,"
    )


def test_a_study_whose_trials_all_diverged_is_finished_and_says_so(
    command: Any, driven: list[Any], finished_copy: Any, make_report: Any
) -> None:
    study = finished_copy
    from study.ledger.records import State
    from study.ledger.study import OpenStudy
    from study.tracking.tracker import Tracker

    study.home.begin("unstable", {})
    opened = OpenStudy.at(study.home, "unstable")
    plan = OpenStudy.at(study.home, study.name).ledger.require_plan()
    opened.ledger.open(plan.model_copy(update={"name": "unstable"}))
    tracker = Tracker.of(opened)
    tracker.begin()
    while (record := opened.ledger.ask_search()) is not None:
        (study.home.trials("unstable") / record.key).mkdir(parents=True)
        opened.ledger.tell(record, State.DIVERGED, None)
        tracker.replay(record, [make_report(1, None, "diverged")], State.DIVERGED)
    tracker.finish()
    line = (
        "no search trial is complete, so no arm has scores (8 diverged); training became unstable: choose "
        "lower values of learning_rate, under another --name"
    )
    for words in ("resume", "report"):
        answer = command(words, "unstable", "--home", study.home.root)
        assert (answer.code, line in answer.out, "export" in answer.out) == (0, True, False)
    assert driven == []


# Whatever is left to do, a driver does it


def test_a_study_that_is_not_there_is_not_finished(finished_study: Any) -> None:
    assert find_finished(finished_study.home, "other") is None


def test_trials_that_wait_need_a_driver(finished_copy: Any) -> None:
    study = finished_copy
    ledger = Ledger(study.home.urls(study.name)["ledger_url"], study.name)
    assert find_finished(study.home, study.name) is not None
    plan = ledger.require_plan()
    ledger.open(plan.model_copy(update={"space": plan.space.model_copy(update={"trials": 3})}))
    assert find_finished(study.home, study.name) is None


def test_what_mlflow_lacks_needs_a_driver(finished_copy: Any) -> None:
    study = finished_copy
    trials = study.home.trials(study.name)
    for folder in (study.home.study(study.name), next(trials.iterdir())):
        unsent_mark(folder).touch()
        assert find_finished(study.home, study.name) is None
        unsent_mark(folder).unlink()
        assert find_finished(study.home, study.name) is not None


@pytest.mark.parametrize("command_line", ["resume", "run"])
def test_a_finished_study_whose_record_was_lost_sends_it_again_and_prints_the_same(
    command: Any,
    driven: list[Any],
    finished_study: Any,
    finished_copy: Any,
    make_report: Any,
    command_line: str,
) -> None:
    study = finished_copy
    ledger = Ledger(study.home.urls(study.name)["ledger_url"], study.name)
    for record in ledger.records():
        test = record.value if record.phase == "confirm" else None
        Journal(study.home.trials(study.name) / record.key).add(
            make_report(1, record.value, "complete", test)
        )
    study.home.database.unlink()
    on = ("resume", study.name) if command_line == "resume" else ("run", study.space, *study.on)
    answer = command(*on, "--home", study.home.root)
    assert answer.code == 0, answer.err
    assert "MLflow lacks 20 trials of the study: they are sent again\n" in answer.err
    whole = command("resume", study.name, "--home", finished_study.home.root)
    assert answer.out == whole.out.replace(str(finished_study.home.root), str(study.home.root))
    assert driven == []


def test_a_finished_study_under_another_tracking_uri_needs_a_driver(
    command: Any, driven: list[Any], finished_study: Any
) -> None:
    """A driver checks whose record is there."""
    study = finished_study
    run = ("run", study.space, *study.on, "--home", study.home.root, "--tracking-uri")
    assert command(*run, study.home.tracking_uri + "/").code == 0
    assert driven == []
    command(*run, "http://127.0.0.1:9")
    assert len(driven) == 1


def test_a_driver_that_was_killed_may_have_left_something(
    finished_copy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease is there: nobody knows what it closed."""
    study = finished_copy
    monkeypatch.setattr("study.ledger.lease.holder_of", lambda engine, name: object())
    assert find_finished(study.home, study.name) is None


def test_with_a_storage_a_home_that_lost_trials_needs_a_driver(finished_copy: Any, tmp_path: Path) -> None:
    """What MLflow lacks is marked in the folders of trials, so without them nobody knows."""
    study = finished_copy
    file = study.home.study(study.name) / "study.json"
    file.write_text(f'{{"storage_url": "file://{tmp_path}/storage"}}')
    assert find_finished(study.home, study.name) is not None
    next(study.home.trials(study.name).iterdir()).rmdir()
    assert find_finished(study.home, study.name) is None
