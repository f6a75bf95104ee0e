"""A study while it is driven: the pause after an error of any kind, and checks that need the built inputs."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient
from ray.exceptions import RayTaskError

from study.driver import driven
from study.driver.driven import DrivenStudy, stopped_by_a_late_request
from study.driver.ray_cluster import Resources
from study.errors import RequestError, StorageAway, StudyStopped, TeacherDiverged
from study.home import Home
from study.ledger.ledger import Ledger
from study.ledger.study import OpenStudy
from study.planning.plan import Plan
from study.planning.request import Request
from study.storage.artifacts import Store
from study.tracking import outbox as outbox_module
from study.tracking.journal import unsent_mark
from study.tracking.outbox import Outbox
from study.tracking.posts import Posts
from study.tracking.tracker import Tracker
from study.trial.memory import Extent

ON_CPUS = Resources(1, 0, 1)


def test_a_trial_that_has_no_room_is_refused_once_its_texts_are_counted(
    workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vocabulary of a large task was estimated from a sample, and may turn out too large."""
    monkeypatch.setattr(driven, "largest", lambda plan: workshop.config())
    monkeypatch.setattr(driven, "known_extent", lambda inputs: Extent(10**9, 128, 4, 1000))
    study: Any = SimpleNamespace(plan=None, store=workshop.store, request=Request("demo"), resources=ON_CPUS)
    workshop.inputs(workshop.config())
    with pytest.raises(RequestError, match="memory: a student of depth"):
        driven.DrivenStudy.sized(study)


# The pause after an error


@pytest.fixture
def study(
    make_plan: Callable[..., Plan], fast_sqlite: None, tracking_uri: str, tmp_path: Path, request: Any
) -> Iterator[DrivenStudy]:
    """A study with a real ledger and a real MLflow store, whose runs in MLflow are open."""
    home, name = Home(tmp_path), re.sub(r"\W+", " ", request.node.name)[-90:].strip()
    urls = {"ledger_url": f"sqlite:///{tmp_path / 'optuna.db'}", "tracking_uri": tracking_uri}
    (tmp_path / "studies" / name).mkdir(parents=True)
    opened = OpenStudy(home, name, urls, Ledger(urls["ledger_url"], name))
    with opened.lease() as lease, Outbox(lease.holds) as outbox:
        (home.study(name) / "study.json").write_text("{}")
        plan = opened.ledger.open(make_plan(name=name, scientific={"init": ("random", "teacher")}))
        posts = Posts(outbox, Tracker.of(opened), opened.folder, home.store)
        view: Any = SimpleNamespace(note=print, phase=print)
        made = DrivenStudy(opened, plan, Request("demo"), lease, posts, ON_CPUS, view)
        made.post("begin")
        assert outbox.flush(60)
        yield made


def states(study: DrivenStudy) -> dict[str, str]:
    """The name of each run in MLflow -> its status."""
    runs = study.posts.tracker.runs
    found = MlflowClient(study.study.urls["tracking_uri"]).search_runs([runs.experiment])
    return {run.info.run_name: run.info.status for run in found}


KINDS: dict[str, BaseException] = {
    "a late request": RequestError("--teacher: no"),
    "a stop": StudyStopped("no"),
    "a storage that is away": StorageAway("no"),
    "a teacher that diverged": TeacherDiverged("no"),
    "an interrupt": KeyboardInterrupt(),
    "an error of a task": RayTaskError("task", "Traceback ...", KeyError("no")),
    "a full disk": OSError(errno.ENOSPC, "full"),
    "no memory": MemoryError(),
    "a fault of the program": AssertionError("no"),
    "the end of a generator": GeneratorExit(),
}


@pytest.mark.parametrize("error", KINDS.values(), ids=KINDS.keys())
def test_an_error_of_any_kind_leaves_the_study_and_its_arms_scheduled_in_mlflow(
    study: DrivenStudy, error: BaseException
) -> None:
    assert set(states(study).values()) == {"RUNNING"}
    with pytest.raises(type(error)) as raised, study.paused_by_an_error():
        raise error
    assert raised.value is error
    assert len(states(study)) == 3
    assert set(states(study).values()) == {"SCHEDULED"}
    assert not unsent_mark(study.study.folder).exists()


def test_if_a_library_calls_exit_the_study_stops_with_its_own_exit_code(study: DrivenStudy) -> None:
    stops = pytest.raises(StudyStopped, match=r"^something ended the process with exit code 0$")
    with stops, study.paused_by_an_error():
        raise SystemExit(0)
    assert set(states(study).values()) == {"SCHEDULED"}


def test_without_an_error_nothing_is_paused(study: DrivenStudy) -> None:
    with study.paused_by_an_error():
        study.post("finish")
    assert study.posts.outbox.flush(60)
    assert set(states(study).values()) == {"FINISHED"}


def test_a_study_that_was_taken_over_is_left_to_its_new_driver(study: DrivenStudy) -> None:
    study.lease._lost = "process 7 on elsewhere"
    with pytest.raises(StudyStopped), study.paused_by_an_error():
        raise StudyStopped("study was taken over")
    assert set(states(study).values()) == {"RUNNING"}


def test_a_pause_does_not_wait_for_a_ledger_that_is_away(
    study: DrivenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger would be waited for a second time, for a quarter of an hour."""

    def away() -> Any:
        pytest.fail("a pause read the ledger")

    monkeypatch.setattr(study.ledger, "records", away)
    with pytest.raises(StudyStopped, match="connection refused"), study.paused_by_an_error():
        raise StudyStopped("the ledger's database: connection refused")
    assert set(states(study).values()) == {"SCHEDULED"}


def test_a_pause_sends_the_teachers_that_were_sent_before(
    study: DrivenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause takes the place of a begin that MLflow has not received yet."""
    sent: list[tuple[str, set[str]]] = []
    monkeypatch.setattr(
        study.posts,
        "study",
        lambda configs, state: sent.append((state, {config.key for config in configs})),
    )
    confirm = study.plan.all_drafts()[0].with_seed(5)
    study.post("begin", [confirm])
    with pytest.raises(StudyStopped), study.paused_by_an_error():
        raise StudyStopped("no")
    drafts = {config.key for config in study.plan.all_drafts()}
    assert sent == [("begin", {confirm.key}), ("pause", {confirm.key, *drafts})]


@pytest.mark.parametrize("broken", ["post", "server"])
def test_a_pause_that_cannot_be_sent_hides_no_error_and_leaves_the_mark(
    study: DrivenStudy, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """`kdstudy status --sync` and the next start send what the mark stands for."""

    def refuse(*values: Any, **more: Any) -> Any:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(driven, "FAREWELL", 0.5)
    monkeypatch.setattr(outbox_module, "RETRY", (0.01, 0.02))
    if broken == "post":
        monkeypatch.setattr(study.posts, "study", refuse)
    else:
        monkeypatch.setattr(MlflowClient, "update_run", refuse)
    with pytest.raises(TeacherDiverged, match=r"^lower$"), study.paused_by_an_error():
        raise TeacherDiverged("lower")
    assert unsent_mark(study.study.folder).exists()


def test_a_storage_that_is_away_holds_up_the_teachers_and_not_the_pause(
    study: DrivenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The teachers' scores may be in the storage alone. The mark remains, so they are sent later."""

    def away(*values: Any) -> bool:
        raise StorageAway("--storage-url s3://bucket: no answer")

    monkeypatch.setattr(driven, "FAREWELL", 1.0)
    monkeypatch.setattr(Store, "has", away)
    with pytest.raises(StorageAway), study.paused_by_an_error():
        raise StorageAway("--storage-url s3://bucket: no answer")
    assert set(states(study).values()) == {"SCHEDULED"}
    assert unsent_mark(study.study.folder).exists()


# A request that is refused when something is written


def test_a_late_refusal_is_a_stop_with_the_same_text() -> None:
    refusal = RequestError("--model: no such model on the hub")
    stops = pytest.raises(StudyStopped, match=r"^--model: no such model on the hub$")
    with stops as stopped, stopped_by_a_late_request():
        raise refusal
    assert stopped.value.__cause__ is refusal


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), TeacherDiverged("no")])
def test_every_other_error_stays_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, stopped_by_a_late_request():
        raise error
    assert raised.value is error
