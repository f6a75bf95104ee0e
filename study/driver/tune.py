"""Ray Tune launches the trials, and the ledger decides everything. (`worker.py` is Ray's other end.)

Tune's three plug-in points are thin: the searcher asks the ledger, the scheduler reports to it and stops
what its pruner stops, the callback ends trials. Tune's own snapshots are not used: a study is resumed from
the ledger. (Ending happens in the callback because Tune calls the searcher's hook before it.)
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from study.driver.resources import Resources  # first: it sets what Ray reads when it is imported

# isort: split
# Tune reads these then.
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the new one prints on stdout at any verbosity
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")  # Ctrl-C is the command line's business
os.environ.setdefault("TUNE_PRINT_ALL_TRIAL_ERRORS", "0")  # those that end a trial are on record
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "1000000")  # the ledger is the snapshot
os.environ.setdefault("TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S", "0")

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from study.driver.lifecycle import WORKER_DEATHS, Lifecycle
from study.driver.worker import OUT_OF_MEMORY, train
from study.ledger.records import Record
from study.trial.job import TrialJob
from study.trial.progress import Progress

__all__ = ["run_phase"]

T = TypeVar("T")

LONG_START = 120.0  # seconds within which a worker is up, where there is room for one


JobOf = Callable[[Record, int], TrialJob]
"""(trial, attempt) -> what the worker gets."""


def run_phase(lifecycle: Lifecycle, job_of: JobOf, resources: Resources, watch: Callable[[], None]) -> None:
    """Run every trial of one phase. `watch` is called many times a second, and soon after each event.

    Raises:
        StudyStopped: where the study cannot go on; and whatever else `lifecycle` raises.
    """
    trouble = _Trouble()
    with tempfile.TemporaryDirectory(prefix="kdstudy-tune-", ignore_cleanup_errors=True) as scratch:
        tuner = tune.Tuner(
            tune.with_resources(train, resources.of_a_trial),
            tune_config=tune.TuneConfig(
                search_alg=_Asker(lifecycle, trouble, job_of),
                scheduler=_Reporter(lifecycle, trouble),
                num_samples=-1,
                max_concurrent_trials=resources.concurrency,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=scratch,
                verbose=0,
                callbacks=[_Ender(lifecycle, trouble, watch)],
            ),
        )
        tuner.fit()


class _Trouble:
    """The first error that a plug-in met.

    Tune would put it into an error of its own, or take it for the trial's and go on. So it is kept until the
    end of Tune's step, where the callback raises it as it is; until then no plug-in does anything.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    def kept(self, call: Callable[[], T], otherwise: T) -> T:
        """`call()`; `otherwise` where it raises, and from then on."""
        if self.error is None:
            try:
                return call()
            except Exception as error:
                self.error = error
        return otherwise


class _Unsaved:
    """Tune pickles its plug-ins into snapshots, which nothing here reads: they hold nothing."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Asker(_Unsaved, Searcher):
    """Tune's searcher: gives it the ledger's next trial."""

    def __init__(self, lifecycle: Lifecycle, trouble: _Trouble, job_of: JobOf) -> None:
        super().__init__()  # without a metric, which Tune would demand of a failed trial's traceback too
        self.lifecycle, self.trouble, self.job_of = lifecycle, trouble, job_of

    def suggest(self, trial_id: str) -> Any:
        return self.trouble.kept(self._next, Searcher.FINISHED)

    def _next(self) -> Any:
        """The next trial as Tune takes it; none where Tune is to ask again."""
        record = self.lifecycle.next()
        if record is None and not self.lifecycle.paused():
            return Searcher.FINISHED
        if record is None:
            if not self.lifecycle.running:
                time.sleep(1)
            return None
        return {"job": self.job_of(record, self.lifecycle.attempts[record.key])}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Nothing here: see the module."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger is the memory."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class _Reporter(_Unsaved, FIFOScheduler):
    """Tune's scheduler: stops a trial where the ledger's pruner does, and says who gets an idle worker.

    FIFOScheduler gives it to the oldest trial that waits, also where a worker is being started for this one:
    that is ended then, and another started for a new trial. With trials shorter than a start this would go on
    for ever, at half of the CPU. So an idle worker gets the new trial, unless one has waited for so long that
    there may be no room for its own.
    """

    def __init__(self, lifecycle: Lifecycle, trouble: _Trouble) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lifecycle, self.trouble = lifecycle, trouble
        self.waiting: deque[tuple[float, Trial]] = deque()  # since when, the oldest first

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        self.waiting.append((time.monotonic(), trial))

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The one that has waited longest, if that is `LONG_START`; Tune itself places new ones."""
        while self.waiting and self.waiting[0][1].status != Trial.PENDING:
            self.waiting.popleft()
        if self.waiting and time.monotonic() - self.waiting[0][0] > LONG_START:
            return self.waiting[0][1]
        return None

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        stop = self.trouble.kept(lambda: self._stops(trial.config["job"], result), True)
        return TrialScheduler.STOP if stop else TrialScheduler.CONTINUE

    def _stops(self, job: TrialJob, result: dict[str, Any]) -> bool:
        if "halt" in result:
            self.lifecycle.stop(result["halt"])
        if "report" not in result:
            return False
        return self.lifecycle.report(job.key, job.attempt, Progress.from_json(result["report"]))


class _Ender(_Unsaved, tune.Callback):
    """Tune's callback: ends trials, and has them watched."""

    def __init__(self, lifecycle: Lifecycle, trouble: _Trouble, watch: Callable[[], None]) -> None:
        self.lifecycle, self.trouble, self.watch = lifecycle, trouble, watch

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        key, traceback = trial.config["job"].key, trial.last_result.get("traceback")
        self.trouble.kept(lambda: self.lifecycle.end(key, traceback), None)

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """The worker or its node died. (Tune's own retries leave out trials that had just been placed.)"""
        error = Path(trial.error_file).read_text(encoding="utf-8") if trial.error_file else ""
        of_memory = any(sign in error for sign in OUT_OF_MEMORY)
        reason = "ran out of memory" if of_memory else "lost its worker or node"
        why = f"{error}\n{reason} {WORKER_DEATHS + 1} times without a report"
        self.trouble.kept(lambda: self.lifecycle.lost(trial.config["job"].key, why), None)

    def on_step_end(self, iteration: int, trials: Any, **info: Any) -> None:
        """After each event, and every tenth of a second where there is none."""
        if self.trouble.error is not None:
            raise self.trouble.error
        self.watch()
