"""A study's story without Ray and without training: at whatever step an error comes, everything is closed."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient

from cluster import Cluster
from study.driver import run
from study.driver.driven import DrivenStudy
from study.driver.ray_cluster import Resources
from study.driver.run import run_study
from study.errors import RequestError, StudyStopped, TeacherDiverged
from study.home import Home
from study.ledger.lease import holder_of
from study.ledger.ledger import Ledger
from study.planning.plan import Plan
from study.planning.request import Request
from study.tracking.outbox import Outbox
from study.tracking.posts import Posts
from study.tracking.tracker import Tracker
from study.trial.prepare import Preparation

LOCAL = Cluster("this machine", {"address": "local"})


class Study:
    """A study that can be run: Ray does nothing, and nothing is trained."""

    def __init__(self, root: Path, plan: Plan, tracking_uri: str) -> None:
        self.home, self.plan = Home(root), plan
        self.urls = {"tracking_uri": tracking_uri}
        self.resolved: Any = SimpleNamespace(
            request=Request("demo"),
            task=SimpleNamespace(notes=(), fingerprint="a" * 64, chance=0.25),
            model=SimpleNamespace(fingerprint="b" * 64),
            plan=plan,
            need=None,
        )
        self.joined = 0
        """How many times Ray was joined and not shut down."""
        self.notes: list[str] = []
        silent = {"phase": lambda text: None, "data": lambda resolved: None}
        self.view: Any = SimpleNamespace(note=self.notes.append, **silent)

    @contextmanager
    def connected(self, cluster: Cluster) -> Iterator[None]:
        self.joined += 1
        try:
            yield
        finally:
            self.joined -= 1

    def run(self) -> dict[str, Any]:
        return run_study(self.resolved, self.home, self.urls, LOCAL, self.view)

    def states(self) -> set[str]:
        """MLflow's statuses of the runs of this study."""
        client = MlflowClient(self.urls["tracking_uri"])
        experiment = client.get_experiment_by_name(self.plan.name)
        if experiment is None:
            return set()
        return {run.info.status for run in client.search_runs([experiment.experiment_id])}

    def is_driven(self) -> bool:
        """Whether anybody holds the study's lease, dead or alive."""
        ledger = Ledger(self.home.urls(self.plan.name)["ledger_url"], self.plan.name)
        return holder_of(ledger.storage.engine, self.plan.name) is not None


@pytest.fixture
def study(
    make_plan: Callable[..., Plan],
    fast_sqlite: None,
    tracking_uri: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Study:
    name = re.sub(r"\W+", " ", request.node.name)[-90:].strip()
    made = Study(tmp_path / "home", make_plan(name=name), tracking_uri)
    made.home.root.mkdir()
    monkeypatch.setattr(run, "connected", made.connected)
    monkeypatch.setattr(run, "RayAlive", lambda *values: nullcontext())
    monkeypatch.setattr(run, "default_resources", lambda *values: Resources(1, 0, 1))
    monkeypatch.setattr(run, "write_request", lambda folder, resolved, plan: None)
    monkeypatch.setattr(run, "_stored_model", lambda *values: "b" * 64)
    monkeypatch.setattr(Preparation, "store_task", lambda self, task: None)
    monkeypatch.setattr(DrivenStudy, "run", lambda self: self.post("begin"))
    return made


STEPS: dict[str, tuple[Any, str]] = {
    "the request's file": (run, "write_request"),
    "the task": (Preparation, "store_task"),
    "the base model": (run, "_stored_model"),
    "the plan": (Ledger, "open"),
    "trials that an ask left": (Ledger, "mend"),
    "MLflow": (Tracker, "of"),
    "what is unsent": (Posts, "unsent"),
    "the phases": (DrivenStudy, "run"),
    "the end": (Posts, "study"),
}
"""The steps of a study after its first byte is written, and a function that each step calls."""
KINDS: dict[str, tuple[BaseException, type[BaseException]]] = {
    "request": (RequestError("--teacher: no"), StudyStopped),
    "interrupt": (KeyboardInterrupt(), KeyboardInterrupt),
    "full disk": (OSError(errno.ENOSPC, "No space left on device"), StudyStopped),
    "fault": (KeyError("no"), KeyError),
    "teacher": (TeacherDiverged("lower"), TeacherDiverged),
}
"""What is raised in a step -> what leaves the run."""


CASES = [
    (step, kind)
    for step in STEPS
    for kind in KINDS
    if kind == "request" or step in ("the base model", "the phases")
]
"""Every step with one kind of error; a step before MLflow is open, and a step after that, with every kind."""


@pytest.mark.parametrize(("step", "kind"), CASES)
def test_whatever_is_raised_after_the_first_byte_everything_is_closed_and_the_study_can_go_on(
    study: Study, monkeypatch: pytest.MonkeyPatch, step: str, kind: str
) -> None:
    error, leaves = KINDS[kind]
    owner, name = STEPS[step]
    original = getattr(owner, name)

    def broken(*values: Any, **more: Any) -> Any:
        if step == "the end" and "finish" not in values:
            return original(*values, **more)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, broken)
        with pytest.raises(leaves) as raised:
            study.run()
    assert type(raised.value) is leaves
    if leaves is StudyStopped:
        assert str(raised.value) == str(error)
    assert study.joined == 0
    assert not study.is_driven()
    opened = step in ("what is unsent", "the phases", "the end")
    assert study.states() == ({"SCHEDULED"} if opened else set())

    study.run()
    assert study.states() == {"FINISHED"}
    assert not study.is_driven()


@pytest.mark.parametrize("step", ["Ray", "resources", "begun otherwise"])
def test_a_request_that_is_refused_before_the_first_byte_leaves_nothing(
    study: Study, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    function = {"Ray": "connected", "resources": "default_resources", "begun otherwise": "_check_begun"}

    def refuse(*values: Any) -> Any:
        raise RequestError("--cluster: no")

    monkeypatch.setattr(run, function[step], refuse)
    with pytest.raises(RequestError, match=r"^--cluster: no$"):
        study.run()
    assert list(study.home.root.iterdir()) == []
    assert study.joined == 0


def test_a_record_that_has_moved_is_gone_on_with_at_its_new_address(study: Study, tmp_path: Path) -> None:
    study.run()
    before = study.states()
    moved, empty = (f"sqlite:///{tmp_path / name}.db" for name in ("moved", "empty"))
    shutil.copy(study.urls["tracking_uri"].removeprefix("sqlite:///"), tmp_path / "moved.db")
    study.urls = {"tracking_uri": empty}
    with pytest.raises(
        RequestError, match=r"^--tracking-uri \S+: has no record of study .*; its record is at"
    ):
        study.run()
    study.urls = {"tracking_uri": moved}
    study.run()
    assert study.home.urls(study.plan.name)["tracking_uri"] == moved
    assert study.states() == before


def test_an_interrupt_while_mlflow_receives_the_end_keeps_the_mark_if_the_end_was_not_received(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start, or `kdstudy status --sync`, closes the runs."""

    def interrupt(self: Any, patience: float) -> bool:
        raise KeyboardInterrupt

    def away(*values: Any, **more: Any) -> Any:
        raise ConnectionError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "finish", interrupt)
        patch.setattr(MlflowClient, "set_terminated", away)
        with pytest.raises(KeyboardInterrupt):
            study.run()
    assert not study.is_driven()
    assert (study.home.study(study.plan.name) / "unsent").exists()
    study.run()
    assert study.states() == {"FINISHED"}
    assert not (study.home.study(study.plan.name) / "unsent").exists()


def test_while_mlflow_is_away_at_the_end_the_user_reads_what_sends_the_rest(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*values: Any, **more: Any) -> Any:
        raise ConnectionError("connection refused")

    monkeypatch.setattr(run, "LAST_PATIENCE", 3.0)
    monkeypatch.setattr(MlflowClient, "set_terminated", away)
    assert study.run()["unsent"] == 1
    (note,) = study.notes
    assert note.startswith("MLflow is away (connection refused): kdstudy status ")
    assert note.endswith(f" --sync{study.home.option} sends what MLflow lacks")
