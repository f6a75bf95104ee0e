"""The report on a registration: its date and hash, what differs from it, and who else has read test."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.record.reading import merge
from analysis.record.source import Client, Database
from analysis.report.sections.registration import registration
from analysis.verdict.registered import differences, readings_of_test, registered
from analysis.verdict.results import Results
from study.planning.registration import registration_tags

INIT: dict[str, Any] = {"scientific": {"init": ("random", "teacher")}, "trials": 3, "confirm_seeds": 3}


def begun(make_recorder: Any, name: str = "", margin: float = 0.01, **roles: Any) -> Any:
    """A study that registered itself, and that is as fair as it planned to be."""
    recorder = make_recorder(name, **INIT | roles)
    plan = recorder.plan.model_copy(update={"margin": margin})
    recorder.tracker.plan, recorder.tracker.registration = plan, registration_tags(plan)
    recorder.tracker.begin()
    recorder.arms_alike()
    return recorder


def test_a_study_is_registered_before_its_first_trial(make_recorder: Any) -> None:
    recorder = begun(make_recorder, margin=0.02)
    record, tags = recorder.read(), registration_tags(recorder.tracker.plan)
    assert record.margin == 0.02
    text = registered(record)
    assert text.startswith(f"Registered on {record.tags['registered']} as ")
    assert tags["kdstudy.registered.hash"][:12] in text
    assert "margin: 2 points; budget of an arm: 3 search trials and 3 confirm seeds" in text
    assert text.endswith("The study is as it was registered.")
    assert registration(Results(record)).text[0] == text


def test_a_registration_is_written_once(make_recorder: Any) -> None:
    recorder = begun(make_recorder)
    first = recorder.read().tags
    later = recorder.plan.model_copy(update={"margin": 0.05})
    recorder.tracker.plan, recorder.tracker.registration = later, registration_tags(later)
    recorder.tracker.begin()
    now = recorder.read().tags
    assert now == first | {"margin": "0.05"}
    assert next(differences(recorder.read())) == "the margin is 5 points, and 1 point was registered"


def test_what_differs_from_the_registration_is_said(make_recorder: Any) -> None:
    recorder = begun(make_recorder, trials=4, confirm_seeds=2)
    assert list(differences(recorder.read())) == [
        "2 of 2 arms have fewer search trials than registered (3 in place of 4)",
        "2 of 2 arms have more confirm seeds than registered (3 in place of 2)",
    ]
    assert "The study differs from it: 2 of 2 arms have fewer" in registered(recorder.read())
    recorder.tracker.pause()  # what is missing may still come
    assert [text.split(" than ")[0] for text in differences(recorder.read())] == [
        "2 of 2 arms have more confirm seeds"
    ]


def test_a_registration_that_was_changed_afterwards_is_damaged(make_recorder: Any) -> None:
    recorder = begun(make_recorder)
    text = recorder.read().tags["registered.0"].replace('"margin":0.01', '"margin":0.05')
    recorder.tracker.runs.set_tags(recorder.tracker.study_run, {"kdstudy.registered.0": text})
    assert "does not have this hash" in registered(recorder.read())
    assert list(differences(recorder.read())) == []


def test_a_study_of_an_older_version_is_not_registered(finished: Any) -> None:
    record = finished.read()
    assert registered(record).startswith("Not registered: ")
    assert record.margin == 0.01


@pytest.fixture
def mlflow_uri(tracking_uri: str) -> str:
    """A database, so that both ways to read it are tested."""
    return tracking_uri


@pytest.mark.parametrize("source", [Client, Database])
def test_confirm_runs_of_other_studies_on_the_task_have_read_test(make_recorder: Any, source: Any) -> None:
    here, elsewhere = (f"{source.__name__} {number}".encode().hex().ljust(64, "0") for number in (1, 2))
    ours = make_recorder(task=here, **INIT)
    ours.arms_alike()
    alone = merge([source(ours.uri, ours.plan.name)], ours.plan.name)
    assert alone.readers == {}
    assert readings_of_test(alone).startswith("No other study in this record")
    for name, task, seeds in ((" a", here, (1, 2)), (" b", here, (1,)), (" c", elsewhere, (1, 2, 3))):
        other = make_recorder(name, task=task, **INIT)
        other.arms_alike(seeds=seeds)
    record = merge([source(ours.uri, ours.plan.name)], ours.plan.name)
    assert record.readers == {f"{ours.plan.name} a": 4, f"{ours.plan.name} b": 2}
    assert readings_of_test(record).startswith(
        "The test texts of this task were read by 6 confirm runs of 2 other studies in this record of MLflow"
    )
