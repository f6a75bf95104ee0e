"""Ray Tune launches the trials, and the ledger decides everything. (`worker.py` is the other end, in Ray.)

Tune's three plug-ins are thin. The searcher takes the next trial from the lifecycle, the scheduler passes
reports on and stops each trial that the pruner stops, and the callback ends trials. (Trials end in the
callback because Tune calls the searcher's hook too early.) Tune's own snapshots are not used: a study is
resumed from the ledger.
"""

from __future__ import annotations

import json
import re
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import study.driver.ray_settings  # noqa: F401 (before Ray)

# isort: split
from ray import tune
from ray.tune.execution.class_cache import ENV_VARS_TO_PROPAGATE
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from study.driver.lifecycle import WORKER_DEATHS, Lifecycle
from study.driver.ray_cluster import Resources, stopped_by_ray
from study.driver.room import Room
from study.driver.waiting import TRIES
from study.driver.worker import OUT_OF_MEMORY, train
from study.errors import StudyStopped
from study.ledger.records import Record
from study.trial.job import TrialJob
from study.trial.progress import Progress

__all__ = ["run_phase"]

# Tune would send AWS's keys with each worker, and Ray writes what is sent in this way into a log. A worker
# has the environment of its node.
ENV_VARS_TO_PROPAGATE.difference_update([name for name in ENV_VARS_TO_PROPAGATE if name.startswith("AWS_")])

T = TypeVar("T")

NOT_STARTED = (
    "error raised in its creation task",
    "failed to import on the worker",
    "worker startup repeatedly failed",
)
"""What Ray's error contains if a worker could not load what it runs: nothing of the trial was run."""
NAMED_ERROR = re.compile(r"^\w[\w.]*(?:Error|Exception): .+", re.M)
MOST = 100_000  # trials at once
ROUND = 10_000  # trials after which Tune starts anew, because Tune keeps all its trials in memory
LONG_START = 120.0  # seconds within which a worker has started, if there is room for it


JobOf = Callable[[Record, int], TrialJob]
"""(trial, number of the attempt) -> the job that the worker gets."""


def run_phase(
    lifecycle: Lifecycle,
    job_of: JobOf,
    resources: Resources,
    watch: Callable[[], None],
    room: Room | None = None,
) -> None:
    """Run every trial of one phase, or `ROUND` trials.

    watch: is called many times a second, and soon after each event. room: decides how many trials run at
    once; without it, `resources` does.

    Raises:
        StudyStopped: if the study cannot go on, or Ray has failed. Whatever else `lifecycle` raises is
            raised too.
    """
    trouble = _Trouble()
    at_once = room.at_once if room is not None else lambda: resources.concurrency
    scheduler = _Scheduler(lifecycle, trouble, room)
    with (
        stopped_by_ray("running trials"),
        tempfile.TemporaryDirectory(prefix="kdstudy-tune-", ignore_cleanup_errors=True) as scratch,
    ):
        tuner = tune.Tuner(
            tune.with_resources(train, _placed(resources)),
            tune_config=tune.TuneConfig(
                search_alg=_Searcher(lifecycle, trouble, job_of, at_once),
                scheduler=scheduler,
                num_samples=-1,
                max_concurrent_trials=MOST,  # the searcher decides; Tune's own number never changes
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=scratch,
                verbose=0,
                callbacks=[_Callback(lifecycle, trouble, lifecycle.close_ended, watch, scheduler.look)],
            ),
        )
        try:
            tuner.fit()
        except Exception:
            if trouble.error is None:
                raise
        if trouble.error is not None:  # Tune may have met another error afterwards, before its step ended
            raise trouble.error


def _placed(resources: Resources) -> tune.PlacementGroupFactory:
    """Where a trial runs, in the form that Tune takes: on one node."""
    names = {"cpu": "CPU", "gpu": "GPU", "memory": "memory"}
    bundle = {names[name]: count for name, count in resources.of_a_trial.items()}
    return tune.PlacementGroupFactory([bundle], bundle_label_selector=[resources.nodes])


class _Trouble:
    """The first error that a plug-in met.

    Tune would wrap the error, or take it for an error of the trial and go on. So the error is kept until the
    end of Tune's step. There the callback raises the error as it is. Until then no plug-in does anything.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    def kept(self, call: Callable[[], T], otherwise: T) -> T:
        """Return `call()`. If `call` raises, return `otherwise`, now and from then on."""
        if self.error is None:
            try:
                return call()
            except Exception as error:
                self.error = error
        return otherwise


class _Unsaved:
    """A plug-in whose pickle is empty: Tune pickles its plug-ins into snapshots, which nobody reads here."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Searcher(_Unsaved, Searcher):
    """Tune's searcher: returns the next trial of the lifecycle."""

    def __init__(
        self, lifecycle: Lifecycle, trouble: _Trouble, job_of: JobOf, at_once: Callable[[], int]
    ) -> None:
        super().__init__()  # without a metric: Tune would expect one of a failed trial too
        self.lifecycle, self.trouble, self.job_of, self.at_once = lifecycle, trouble, job_of, at_once
        self.started = 0

    def suggest(self, trial_id: str) -> Any:
        return self.trouble.kept(self._next, Searcher.FINISHED)

    def _next(self) -> Any:
        """The next trial in the form that Tune takes; None if Tune is to call again."""
        if self.started >= ROUND:
            return Searcher.FINISHED
        if len(self.lifecycle.running) >= self.at_once():
            self.lifecycle.paused()  # some may have ended, and wait for a ledger that is back by now
            return None
        record = self.lifecycle.next()
        if record is None and not self.lifecycle.paused():
            return Searcher.FINISHED
        if record is None:
            if not self.lifecycle.running:
                time.sleep(1)
            return None
        self.started += 1
        return {"job": self.job_of(record, self.lifecycle.attempts[record.key])}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Nothing here: trials end in the callback."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger has everything."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class _Scheduler(_Unsaved, FIFOScheduler):
    """Tune's scheduler: stops a trial if the pruner stops it, and decides which trial gets an idle worker.

    FIFOScheduler gives an idle worker to the trial that has waited longest, even if a worker is being started
    for this trial. Tune then ends the worker that is being started, and starts another worker for a new
    trial. If trials are shorter than the start of a worker, this would go on for ever, and would take half of
    the CPU. So an idle worker gets a new trial here, unless another trial has waited for so long that there
    may be no room for a worker of its own.
    """

    def __init__(self, lifecycle: Lifecycle, trouble: _Trouble, room: Room | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lifecycle, self.trouble, self.room = lifecycle, trouble, room
        self.workers: Any = None  # Tune's manager of workers, once there is a trial
        self.waiting: deque[tuple[float, Trial]] = deque()  # (since when, trial), the oldest first

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        self.waiting.append((time.monotonic(), trial))
        self.workers = tune_controller._actor_manager

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The trial that has waited longest, if it has waited `LONG_START`; Tune itself places new trials."""
        oldest = self._oldest()
        return oldest[1] if oldest and time.monotonic() - oldest[0] > LONG_START else None

    def _oldest(self) -> tuple[float, Trial] | None:
        while self.waiting and self.waiting[0][1].status != Trial.PENDING:
            self.waiting.popleft()
        return self.waiting[0] if self.waiting else None

    def look(self) -> None:
        """Let the room look at the trials that have not started."""
        if self.room is not None and self.workers is not None:
            starts, waits = self._oldest() is not None, self.workers.num_pending_actors > 0
            room, started = self.room, self.workers.num_live_actors
            self.trouble.kept(lambda: room.look(starts, starts and waits, started), None)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        stop = self.trouble.kept(lambda: self._stops(trial.config["job"], result), True)
        return TrialScheduler.STOP if stop else TrialScheduler.CONTINUE

    def _stops(self, job: TrialJob, result: dict[str, Any]) -> bool:
        if "halt" in result:
            self.lifecycle.stop(result["halt"])
        if "report" not in result:
            return False
        report, seen = Progress.from_json(result["report"]), result.get("seen")
        return self.lifecycle.report(job.key, job.attempt, report, json.loads(seen) if seen else None)


class _Callback(_Unsaved, tune.Callback):
    """Tune's callback: ends trials, and calls `looks` after each step."""

    def __init__(self, lifecycle: Lifecycle, trouble: _Trouble, *looks: Callable[[], None]) -> None:
        self.lifecycle, self.trouble, self.looks = lifecycle, trouble, looks
        self.failed_starts = 0  # since a worker has started
        self.on_warning = signal.getsignal(signal.SIGUSR1)

    def setup(self, *values: Any, **info: Any) -> None:
        """Tune calls this at its start, when Tune has taken SIGUSR1 for itself: a batch system's warning."""
        signal.signal(signal.SIGUSR1, self.on_warning)

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        self.failed_starts = 0

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        key, traceback = trial.config["job"].key, trial.last_result.get("traceback")
        self.trouble.kept(lambda: self.lifecycle.end(key, traceback), None)

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """The worker or its node died. (Tune's own retries forget trials that had just been placed.)"""
        error = Path(trial.error_file).read_text(encoding="utf-8") if trial.error_file else ""
        key = trial.config["job"].key
        if any(sign in error for sign in NOT_STARTED):
            self.trouble.kept(lambda: self._not_started(key, error), None)
            return
        of_memory = any(sign in error for sign in OUT_OF_MEMORY)
        reason = "ran out of memory" if of_memory else "lost its worker or node"
        why = f"{error}\n{reason} {WORKER_DEATHS + 1} times without a report"
        self.trouble.kept(lambda: self.lifecycle.lost(key, why), None)

    def _not_started(self, key: str, error: str) -> None:
        """The trial's worker could not start, which is no fault of the trial: the trial starts again.

        Raises:
            StudyStopped: if several workers in a row could not start.
        """
        self.lifecycle.not_started(key)
        self.failed_starts += 1
        if self.failed_starts >= TRIES:
            found = NAMED_ERROR.findall(error)
            reason = found[-1] if found else "Ray gives no reason"
            raise StudyStopped(f"running trials: {self.failed_starts} workers could not start: {reason}")

    def on_step_end(self, iteration: int, trials: Any, **info: Any) -> None:
        """Tune calls this after each event, and every tenth of a second if there is no event."""
        if self.trouble.error is not None:
            raise self.trouble.error
        for look in self.looks:
            look()
