"""`status --sync`: a process that runs no trial sends what MLflow missed while it was away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from study.cli.status import read_status
from study.errors import RequestError
from study.home import Home
from study.ledger.lease import Lease, holder_of
from study.ledger.ledger import Ledger
from study.ledger.records import Record, State
from study.planning.plan import Plan
from study.storage.artifacts import Store
from study.storage.attempts import attempt_folder, write_ending
from study.storage.mirror import Mirror
from study.tracking import outbox, sync
from study.tracking.journal import Journal, find_unsent, unsent_mark
from study.tracking.outbox import Outbox
from study.tracking.posts import Posts
from study.tracking.sync import sync_study
from study.tracking.tracker import Tracker
from study.trial.inputs import Inputs
from study.trial.progress import Progress


@dataclass(frozen=True)
class Interrupted:
    """A study whose driver is gone, before its outbox could send anything."""

    home: Home
    ledger: Ledger
    name: str
    unsent: dict[str, Record]

    @property
    def plan(self) -> Plan:
        assert self.ledger.plan is not None
        return self.ledger.plan

    def runs(self, phase: str) -> list[Run]:
        client = MlflowClient(self.home.urls(self.name)["tracking_uri"])
        experiment = client.get_experiment_by_name(self.name)
        assert experiment is not None
        query = f"tags.kdstudy.phase = '{phase}'"
        return list(client.search_runs([experiment.experiment_id], query))

    def status(self) -> dict[str, str]:
        """Return the status of each trial's run, by the trial's outcome."""
        found = {run.data.tags["kdstudy.key"]: run.info.status for run in self.runs("search")}
        return {what: found[record.key] for what, record in self.unsent.items() if record.key in found}


@pytest.fixture
def interrupt(
    fast_sqlite: None,
    make_plan: Any,
    make_report: Callable[..., Progress],
    tracking_uri: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Callable[..., Interrupted]:
    """`interrupt(*outcomes)`: an interrupted study with these trials; None: the trial was still running."""

    def leave(*outcomes: Any, trials: int = 4, url: str = tracking_uri) -> Interrupted:
        name = request.node.name.replace("[", " ").replace("]", "")
        home = Home(tmp_path / "home")
        ledger = Ledger(home.begin(name, {"tracking_uri": url})["ledger_url"], name)
        plan = ledger.open(make_plan(name=name, trials=trials, confirm_seeds=0))
        tracker = Tracker(tracking_uri, (tmp_path / "artifacts").as_uri(), plan, ledger.study_id)
        posts = Posts(Outbox(), tracker, home.study(name), home.store)  # nobody enters the outbox
        left = {}
        for outcome in outcomes:
            record = ledger.ask_search()
            assert record is not None
            folder = home.trials(name) / record.key
            journal = Journal(folder)
            journal.add(make_report(1, 0.5, outcome if outcome == "complete" else None))
            if outcome == "failed":
                (folder / "traceback.txt").write_text("Traceback ...\nValueError: no")
            posts.trial(record, journal, State(outcome or "RUNNING"))
            if outcome:
                ledger.tell(record, State(outcome), 0.55)
            left[str(outcome)] = record
        return Interrupted(home, ledger, name, left)

    return leave


def test_everything_that_mlflow_lacks_is_sent(interrupt: Callable[..., Interrupted]) -> None:
    left = interrupt("complete", "failed", "pruned", None)
    assert len(find_unsent(left.home.trials(left.name))) == 4
    assert left.status() == {}
    assert sync_study(left.home, left.name) == 4
    ended = {"complete": "FINISHED", "failed": "FAILED", "pruned": "KILLED"}
    assert left.status() == ended | {"None": "SCHEDULED"}
    assert find_unsent(left.home.trials(left.name)) == []
    for run in left.runs("search"):
        assert run.data.metrics["validation/accuracy/deu"] == 0.5
    assert [r.outcome for r in left.ledger.records()] == ["complete", "failed", "pruned", None]
    client = MlflowClient(left.home.urls(left.name)["tracking_uri"])
    (failed,) = [run for run in left.runs("search") if run.info.status == "FAILED"]
    path = client.download_artifacts(failed.info.run_id, "traceback.txt")
    assert Path(path).read_text("utf-8").endswith("ValueError: no")


def test_sent_twice_it_is_there_once(interrupt: Callable[..., Interrupted]) -> None:
    left = interrupt("complete", None)
    sync_study(left.home, left.name)
    before = {run.info.run_id: run.data.to_dictionary() for run in left.runs("search")}
    assert sync_study(left.home, left.name) == 0
    assert {run.info.run_id: run.data.to_dictionary() for run in left.runs("search")} == before


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [(("complete", "failed"), "FINISHED"), (("complete", None), "SCHEDULED"), (("complete",), "SCHEDULED")],
)
def test_the_studys_own_run_says_whether_it_goes_on(
    interrupt: Callable[..., Interrupted], outcomes: tuple[Any, ...], status: str
) -> None:
    left = interrupt(*outcomes, trials=2)
    sync_study(left.home, left.name)
    assert {run.info.status for run in (*left.runs("study"), *left.runs("arm"))} == {status}


def test_a_study_that_is_being_run_sends_by_itself(interrupt: Callable[..., Interrupted]) -> None:
    left = interrupt("complete")
    driven = pytest.raises(RequestError, match=r"^study .*: is being run by process \d+ on ")
    with Lease(left.ledger.storage.engine, left.name), driven:
        sync_study(left.home, left.name)
    assert left.status() == {}
    assert len(find_unsent(left.home.trials(left.name))) == 1
    assert sync_study(left.home, left.name) == 1
    assert holder_of(left.ledger.storage.engine, left.name) is None


def test_while_no_server_answers_nothing_is_lost(interrupt: Callable[..., Interrupted]) -> None:
    left = interrupt("complete", url="http://127.0.0.1:9")
    with pytest.raises(RequestError, match=r"^[^\n]*127.0.0.1[^\n]*$"):
        sync_study(left.home, left.name)
    assert len(find_unsent(left.home.trials(left.name))) == 1
    assert holder_of(left.ledger.storage.engine, left.name) is None


def test_what_a_server_does_not_take_is_named_and_stays(
    interrupt: Callable[..., Interrupted], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = interrupt("complete", "failed")
    monkeypatch.setattr(outbox, "RETRY", (0.01, 0.02))
    monkeypatch.setattr(sync, "PATIENCE", 5.0)

    def away(*values: Any, **more: Any) -> None:
        raise ConnectionError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_terminated", away)
        with pytest.raises(RequestError) as error:
            sync_study(left.home, left.name)
    said = f"study {left.name}: MLflow is away (connection refused); 2 trials wait for it"
    assert str(error.value) == said
    assert sync_study(left.home, left.name) == 2
    assert left.status() == {"complete": "FINISHED", "failed": "FAILED"}


def test_a_study_that_was_not_begun_is_refused(interrupt: Callable[..., Interrupted]) -> None:
    left = interrupt()
    with pytest.raises(RequestError, match=r"^other: no such study in "):
        sync_study(left.home, "other")
    left.home.begin("unplanned", {})
    with pytest.raises(RequestError, match=r"^unplanned: was interrupted before its plan was written; "):
        sync_study(left.home, "unplanned")


# Teachers, and the study's own runs


def teacher_of(left: Interrupted) -> Inputs:
    """Build what MLflow receives of the study's one teacher; returns the teacher's inputs."""
    assert left.ledger.plan is not None
    store = left.home.store_of(left.name)
    one = Inputs(store, left.ledger.plan.all_drafts()[0])
    even = {"accuracy": {"macro": 0.5, "worst": 0.4, "by_language": {"deu": 0.6, "yor": 0.4}}}
    scores = even | {"parameters": 5000, "time_ms": 1_700_000_000_000, "numerics": {}}

    def build(target: Path, work: Path) -> None:
        (target / "scores.json").write_text(json.dumps(scores), encoding="utf-8")

    store.build("outputs", one.outputs_key("validation"), build)
    return one


def test_a_teacher_that_mlflow_missed_is_sent_too(interrupt: Callable[..., Interrupted]) -> None:
    left = interrupt("complete")
    teacher = teacher_of(left)
    for _ in range(2):
        sync_study(left.home, left.name)
    (run,) = left.runs("teacher")
    assert (run.data.tags["kdstudy.key"], run.info.status) == (teacher.teacher_key, "FINISHED")
    assert run.data.metrics["validation/accuracy/yor"] == 0.4


def test_a_study_is_marked_until_its_own_runs_are_closed(
    interrupt: Callable[..., Interrupted], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = interrupt("complete", trials=1)
    folder = left.home.study(left.name)
    tracker = Tracker(left.home.urls(left.name)["tracking_uri"], None, left.plan, left.ledger.study_id)
    with Outbox() as box:
        Posts(box, tracker, folder, left.home.store).study([], "begin")
        assert box.flush(20)
    assert unsent_mark(folder).exists()
    assert read_status(left.home, left.name)["study_unsent"]
    sync_study(left.home, left.name)
    assert not unsent_mark(folder).exists()
    assert not read_status(left.home, left.name)["study_unsent"]
    assert {run.info.status for run in left.runs("study")} == {"FINISHED"}


# A home that was lost


def test_what_has_ended_is_sent_from_its_result_in_the_storage(
    interrupt: Callable[..., Interrupted], make_report: Callable[..., Progress], tmp_path: Path
) -> None:
    """The journals and the marks were lost with the home. The ledger and MLflow are elsewhere."""
    left = interrupt("complete", "pruned")
    trials, record = left.home.trials(left.name), left.unsent["complete"]
    mirror = Mirror(left.home.root, (tmp_path / "storage").as_uri())
    own = attempt_folder(trials / record.key, 1)
    own.mkdir()
    report = make_report(1, 0.5, "complete")
    assert report.result is not None
    write_ending(own, [asdict(replace(report, result=None))], report.result | {"key": record.key})
    mirror.push(own, last="result.json")
    shutil.rmtree(trials)
    tracker = Tracker(left.home.urls(left.name)["tracking_uri"], None, left.plan, left.ledger.study_id)
    for _ in range(2):
        with Outbox() as box:
            posts = Posts(box, tracker, left.home.study(left.name), Store(left.home.store.root, mirror))
            assert posts.unsent(left.ledger.records()) == 0
            assert box.flush(20), box.away
    assert left.status() == {"complete": "FINISHED", "pruned": "KILLED"}
    by_key = {run.data.tags["kdstudy.key"]: run.data.metrics for run in left.runs("search")}
    assert by_key[record.key]["validation/accuracy/deu"] == 0.5
    assert by_key[record.key]["seconds"] == 1.5
