"""One phase on Ray Tune: an error of the driver is raised as it is, and at once; and why a trial is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
import torch
from ray.air.execution._internal import RayActorManager
from ray.exceptions import ActorUnschedulableError, OutOfMemoryError, RaySystemError, WorkerCrashedError
from ray.tune.execution.class_cache import _ActorClassCache

from cluster.local import CLUSTER as LOCAL
from study.config import TrialConfig
from study.driver import tune
from study.driver.lifecycle import WORKER_DEATHS
from study.driver.ray_cluster import Resources, connected
from study.driver.tune import run_phase
from study.driver.waiting import TRIES
from study.driver.worker import OUT_OF_MEMORY
from study.errors import StudyStopped
from study.ledger.records import Record
from study.trial.progress import Progress

CONFIG = TrialConfig(
    task="t", model="m", model_layers=2, depth=1, learning_rate=1e-3, teacher_learning_rate=1e-3
)
REPORT = Progress(report=1, step=1, loss=0.5, seconds=1.0, time_ms=0).to_json()


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    with connected(LOCAL):
        yield


@pytest.fixture
def trials_of_one_report(ray_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(config: dict[str, Any]) -> None:
        from ray import tune

        tune.report({"report": REPORT})

    monkeypatch.setattr(tune, "train", train)


ON_RAY = pytest.mark.usefixtures("trials_of_one_report")


def job_of(record: Record, attempt: int) -> Any:
    """In place of a `TrialJob`: the fields that Tune's plug-ins read."""
    return SimpleNamespace(key=record.key, attempt=attempt)


class Trials:
    """In place of a lifecycle: `count` trials; the first call of `broken` raises `error`."""

    def __init__(self, count: int, broken: str, error: Exception) -> None:
        self.left, self.broken, self.error = count, broken, error
        self.running: dict[str, Record] = {}
        self.attempts: dict[str, int] = {}
        self.calls: list[str] = []
        self.ended: list[str] = []

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name == self.broken:
            raise self.error

    def folder(self, key: str) -> Path:
        return Path("nowhere")

    def paused(self) -> bool:
        return False

    def next(self) -> Record | None:
        self._called("next")
        if not self.left:
            return None
        self.left -= 1
        key = str(self.left)
        self.attempts[key] = 1
        self.running[key] = Record(key, "search", "all", self.left, CONFIG, None, None, None, self.left)
        return self.running[key]

    def report(self, key: str, attempt: int, report: Progress, seen: str | None = None) -> bool:
        self._called("report")
        return False

    def close_ended(self) -> None:
        """Nothing waits here: a trial ends at once."""

    def not_started(self, key: str) -> None:
        self._called("not_started")
        del self.running[key]

    def end(self, key: str, traceback: str | None = None) -> None:
        self._called("end")
        self.ended.append(key)
        del self.running[key]


@ON_RAY
@pytest.mark.parametrize("error", [StudyStopped("database or disk is full"), OSError(28, "No space left")])
@pytest.mark.parametrize("broken", ["next", "report", "end"])
def test_what_the_driver_meets_is_raised_as_it_is_and_nothing_is_called_after_it(
    broken: str, error: Exception
) -> None:
    """Tune would wrap the error, or take it for an error of the trial and go on."""
    trials: Any = Trials(3, broken, error)
    with pytest.raises(type(error)) as raised:
        run_phase(trials, job_of, Resources(1, 0, 1), lambda: None)
    assert raised.value is error
    assert trials.calls[-1] == broken
    assert trials.calls.count(broken) == 1


@ON_RAY
def test_a_phase_without_trouble_ends_when_there_is_no_next() -> None:
    trials: Any = Trials(2, "nothing", ValueError())
    run_phase(trials, job_of, Resources(1, 0, 1), lambda: None)
    assert trials.running == {}
    assert sorted(trials.calls) == ["end", "end", "next", "next", "next", "report", "report"]


def test_a_phase_of_many_trials_is_run_in_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "ROUND", 3)
    trials: Any = Trials(4, "nothing", ValueError())
    run_phase(trials, job_of, Resources(1, 0, 2), lambda: None)
    assert (len(trials.ended), trials.running, trials.left) == (3, {}, 1)
    run_phase(trials, job_of, Resources(1, 0, 2), lambda: None)
    assert (len(trials.ended), trials.running, trials.left) == (4, {}, 0)


class Away(Trials):
    """Trials whose ends wait for the ledger until the lifecycle is asked whether it is paused."""

    def __init__(self, count: int) -> None:
        super().__init__(count, "nothing", ValueError())
        self.waiting: list[str] = []

    def end(self, key: str, traceback: str | None = None) -> None:
        self.waiting.append(key)

    def paused(self) -> bool:
        while self.waiting:
            super().end(self.waiting.pop())
        return False


@ON_RAY
def test_trials_whose_ends_wait_for_the_ledger_do_not_keep_the_phase_from_going_on() -> None:
    trials: Any = Away(3)
    run_phase(trials, job_of, Resources(1, 0, 1), lambda: None)
    assert len(trials.ended) == 3


@ON_RAY
def test_keys_of_a_bucket_are_not_sent_with_workers_because_ray_would_log_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "hush-hush-4711")
    made = _ActorClassCache().get(type("Trainable", (), {}))
    assert "PL_DISABLE_FORK" in str(made._default_options["runtime_env"])  # what Tune does send
    assert "hush-hush-4711" not in str(made._default_options["runtime_env"])


def test_the_handler_of_a_batch_system_s_warning_stays() -> None:
    """Tune takes SIGUSR1 for itself."""
    handler, seen = signal.getsignal(signal.SIGUSR1), []
    try:
        signal.signal(signal.SIGUSR1, signal.default_int_handler)
        trials: Any = Trials(1, "nothing", ValueError())
        watch = lambda: seen.append(signal.getsignal(signal.SIGUSR1))  # noqa: E731
        run_phase(trials, job_of, Resources(1, 0, 1), watch)
    finally:
        signal.signal(signal.SIGUSR1, handler)
    assert set(seen) == {signal.default_int_handler}


@ON_RAY
def test_trials_that_are_shorter_than_a_worker_s_start_need_no_more_workers_than_run_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Tune would end the worker that is starting, run its trial on the idle worker, and start another."""
    there = str(tmp_path / "there")

    def started() -> None:
        """Called when a worker loads `train`: quick in the first worker, slow in all others."""
        try:
            os.mkdir(there)
        except FileExistsError:
            time.sleep(1)

    class Start:
        def __reduce__(self) -> tuple[Any, ...]:
            return started, ()

    start = Start()

    def train(config: dict[str, Any]) -> None:
        from ray import tune

        tune.report({"report": REPORT, "start": str(start)})

    workers = []
    add_actor = RayActorManager.add_actor

    def counted(self: RayActorManager, *values: Any, **more: Any) -> Any:
        workers.append(more)
        return add_actor(self, *values, **more)

    monkeypatch.setattr(RayActorManager, "add_actor", counted)
    monkeypatch.setattr(tune, "train", train)
    trials: Any = Trials(8, "nothing", ValueError())
    run_phase(trials, job_of, Resources(1, 0, 2), lambda: None)
    assert trials.calls.count("end") == 8
    assert len(workers) == 2


@ON_RAY
def test_a_phase_whose_workers_cannot_start_stops_with_the_reason_and_no_trial_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = os.getpid()

    def broken() -> Any:
        if os.getpid() != driver:
            raise ImportError("no module named torch")
        return Start()  # Tune loads the function here too

    class Start:
        def __reduce__(self) -> tuple[Any, ...]:
            return broken, ()

    start = Start()

    def train(config: dict[str, Any]) -> None:
        raise AssertionError(str(start))

    monkeypatch.setattr(tune, "train", train)
    trials: Any = Trials(20, "nothing", ValueError())
    line = rf"^running trials: {TRIES} workers could not start: [^\n]*ImportError: no module named torch"
    with pytest.raises(StudyStopped, match=line):
        run_phase(trials, job_of, Resources(1, 0, 1), lambda: None)
    assert trials.calls.count("not_started") == TRIES
    assert trials.ended == []


@ON_RAY
def test_the_number_of_trials_at_once_is_the_rooms_and_may_change_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    trials: Any = Trials(6, "nothing", ValueError())
    looks: list[tuple[bool, bool, int]] = []

    def at_once() -> int:
        seen.append(len(trials.running))
        return 1 if len(trials.ended) < 3 else 2

    room: Any = SimpleNamespace(at_once=at_once, look=lambda *values: looks.append(values))
    run_phase(trials, job_of, Resources(0.1, 0, 9), lambda: None, room)
    assert len(trials.ended) == 6
    assert max(seen) == 2
    assert looks


@ON_RAY
def test_a_trial_without_room_for_a_worker_of_its_own_gets_a_worker_of_other_trials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three trials at once, and room for two: without this the third trial would be the last of all."""

    def train(config: dict[str, Any]) -> None:
        from ray import tune

        time.sleep(0.2)
        tune.report({"report": REPORT})

    cpus = ray.cluster_resources()["CPU"]
    monkeypatch.setattr(tune, "LONG_START", 0.5)
    monkeypatch.setattr(tune, "train", train)
    trials: Any = Trials(24, "nothing", ValueError())
    run_phase(trials, job_of, Resources(cpus / 2, 0, 3), lambda: None)
    assert trials.ended.index("21") < 20  # keys count down: "21" is the third trial


@pytest.fixture
def broken_tune(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`broken_tune(error)`: Tune calls the searcher once, then raises `error`. No Ray is needed."""

    def break_it(error: Exception) -> None:
        class Tuner:
            def __init__(self, trainable: Any, tune_config: Any, run_config: Any) -> None:
                self.searcher = tune_config.search_alg

            def fit(self) -> None:
                self.searcher.suggest("1")
                raise error

        monkeypatch.setattr("ray.tune.Tuner", Tuner)

    return break_it


def test_the_first_error_is_raised_even_if_tune_meets_another_in_the_same_step(broken_tune: Any) -> None:
    first = StudyStopped("database or disk is full")
    broken_tune(RuntimeError("what Tune met later"))
    trials: Any = Trials(3, "next", first)
    with pytest.raises(StudyStopped) as raised:
        run_phase(trials, job_of, Resources(1, 0, 1), lambda: None)
    assert raised.value is first


def test_if_ray_fails_the_study_stops_in_one_line(broken_tune: Any) -> None:
    broken_tune(RaySystemError("the head node is away"))
    trials: Any = Trials(3, "nothing", ValueError())
    line = r"^running trials: Ray failed \(RaySystemError\): [^\n]*the head node is away; look at the cluster"
    with pytest.raises(StudyStopped, match=line):
        run_phase(trials, job_of, Resources(1, 0, 1), lambda: None)


def test_any_other_error_of_tune_is_raised_as_it_is(broken_tune: Any) -> None:
    error = RuntimeError("a fault of Tune")
    broken_tune(error)
    trials: Any = Trials(3, "nothing", ValueError())
    with pytest.raises(RuntimeError) as raised:
        run_phase(trials, job_of, Resources(1, 0, 1), lambda: None)
    assert raised.value is error


# Why a trial is lost


@pytest.fixture
def why_lost(tmp_path: Path) -> Any:
    """`why_lost(text)`: the reason if the trial's error file holds `text` (None: there is no file)."""
    lost: list[tuple[str, str]] = []
    lifecycle: Any = SimpleNamespace(lost=lambda key, why: lost.append((key, why)))
    ender = tune._Callback(lifecycle, tune._Trouble(), lambda: None)

    def lose(text: str | None) -> str:
        path = tmp_path / "error.txt"
        if text is not None:
            path.write_text(text, encoding="utf-8")
        trial = SimpleNamespace(
            config={"job": SimpleNamespace(key="k")}, error_file=None if text is None else str(path)
        )
        ender.on_trial_error(0, [], trial)
        key, why = lost.pop()
        assert key == "k"
        return why

    return lose


def test_a_worker_that_a_node_could_not_start_is_no_death_of_the_trial(tmp_path: Path) -> None:
    """Of a node whose Python is broken; Ray gives up after five attempts."""
    calls: list[str] = []
    trials: Any = SimpleNamespace(lost=lambda *values: calls.append("lost"), not_started=calls.append)
    trouble = tune._Trouble()
    path = tmp_path / "error.txt"
    error = ActorUnschedulableError("Could not create the actor because worker startup repeatedly failed.")
    path.write_text(f"ray.exceptions.ActorUnschedulableError: {error}\nFailed to startup worker")
    trial = SimpleNamespace(config={"job": SimpleNamespace(key="k")}, error_file=str(path))
    callback = tune._Callback(trials, trouble, lambda: None)
    for _ in range(TRIES):
        callback.on_trial_error(0, [], trial)
    assert calls == ["k"] * TRIES
    assert isinstance(trouble.error, StudyStopped)
    assert str(trouble.error).startswith(
        f"running trials: {TRIES} workers could not start: ray.exceptions.Ac"
    )


def cpu_out_of_memory() -> str:
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**60, dtype=torch.uint8)
    return f"RuntimeError: {error.value}"


OUT_OF = {
    "Python": "Traceback ...\nMemoryError",
    "NumPy": "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8.00 EiB for an array",
    "torch on a CPU": cpu_out_of_memory(),
    "torch on a GPU": f"{torch.OutOfMemoryError.__module__}.{torch.OutOfMemoryError.__name__}: CUDA",
    "Ray": f"ray.exceptions.{OutOfMemoryError.__name__}: Task was killed: the node ran low on memory",
}


@pytest.mark.parametrize("text", OUT_OF.values(), ids=OUT_OF.keys())
def test_out_of_memory_is_a_reason_of_its_own_whichever_library_ran_out(why_lost: Any, text: str) -> None:
    why = why_lost(text)
    assert why == f"{text}\nran out of memory {WORKER_DEATHS + 1} times without a report"


def test_every_sign_of_it_is_in_some_library_s_text() -> None:
    for sign in OUT_OF_MEMORY:
        assert any(sign in text for text in OUT_OF.values()), sign


@pytest.mark.parametrize("sign", OUT_OF_MEMORY)
def test_each_sign_is_enough(why_lost: Any, sign: str) -> None:
    assert "ran out of memory" in why_lost(f"Traceback ...\n{sign}: no")


@pytest.mark.parametrize(
    "text",
    [None, "", f"ray.exceptions.{WorkerCrashedError.__name__}: The worker died unexpectedly"],
    ids=["no file", "an empty one", "a worker that died"],
)
def test_any_other_loss_is_the_loss_of_the_worker_or_its_node(why_lost: Any, text: str | None) -> None:
    why = why_lost(text)
    assert why == f"{text or ''}\nlost its worker or node {WORKER_DEATHS + 1} times without a report"
