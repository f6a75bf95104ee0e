"""A study while it is driven: its phases, what the phases share, and the pause after an error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from study.config import TrialConfig
from study.driver.interrupt import graceful, undisturbed
from study.driver.lifecycle import Lifecycle
from study.driver.ray_cluster import Resources, call_in_ray
from study.driver.resources import check_cluster, has_room, in_room
from study.driver.room import Room
from study.driver.tune import run_phase
from study.driver.watch import View, Watch
from study.errors import RayFailed, RequestError, StudyStopped
from study.ledger.lease import Lease
from study.ledger.ledger import Ledger
from study.ledger.progress import confirm_wanted, summary
from study.ledger.records import Phase, Record
from study.ledger.study import OpenStudy
from study.planning.capacity import check_here, known_extent, largest, need_of
from study.planning.costs import LATENCY
from study.planning.plan import Plan
from study.planning.request import Request
from study.storage.artifacts import Store
from study.storage.borrowed import borrow_ending
from study.tracking.posts import Posts, configs_of
from study.trial.inputs import Inputs
from study.trial.job import TrialJob
from study.trial.models.loading import read_config
from study.trial.prepare import Preparation

__all__ = ["DrivenStudy", "stopped_by_a_late_request"]

FAREWELL = 5.0  # seconds that an interrupted study waits for MLflow

log = logging.getLogger(__name__)


@contextmanager
def stopped_by_a_late_request() -> Iterator[None]:
    """Within this context something of the study has been written, so a refused request stops the study.

    Raises:
        StudyStopped: in place of a RequestError, which would mean that nothing was written.
    """
    try:
        yield
    except RequestError as error:
        raise StudyStopped(str(error)) from error


def _first_machine() -> None:
    """Do nothing. An autoscaler starts a machine for this, and what its machines have is known then."""


@dataclass(frozen=True)
class DrivenStudy:
    """One study while it is driven. `run` does all phases; `paused_by_an_error` makes an error a pause."""

    study: OpenStudy
    plan: Plan
    request: Request
    lease: Lease
    posts: Posts
    resources: Resources
    view: View
    _posted: list[TrialConfig] = field(default_factory=list, init=False)
    """Configurations whose teachers have been sent: a pause sends them without a look into the ledger."""
    _phases: list[Lifecycle] = field(default_factory=list, init=False)
    """The phase that runs, if there is one."""

    @property
    def ledger(self) -> Ledger:
        return self.study.ledger

    @property
    def store(self) -> Store:
        return self.posts.store

    def run(self) -> None:
        """Prepare the teachers, search, confirm."""
        plan, ledger = self.plan, self.ledger
        self.post("begin")
        self.view.phase("preparing the teacher and its outputs")
        self.prepare(plan.all_drafts(), ("train", "validation"))
        self.post("begin")

        room = self.sized()
        self.view.phase("search")
        self.trials("search", ledger.ask_search, room)
        if wanted := confirm_wanted(plan, ledger.records()):
            self.view.phase("preparing the confirm runs")
            configs = [one.config for one in wanted]
            self.prepare(configs, ("train", "validation", "test"))
            self.post("begin", configs)
            self.view.phase("confirm")
            self.trials("confirm", lambda: ledger.ask_confirm(wanted), room)

    def _borrow(self, record: Record, phase: Phase) -> None:
        """Give the trial the ending of an equal trial of the study that `--from-study` names."""
        if not (other := self.request.from_study):
            return
        confirm = phase == "confirm"
        reports = self.plan.space.reports + (confirm and self.plan.reports_start)
        source, target = (
            trials / record.key for trials in (self.study.home.trials(other), self.study.trials)
        )
        latency = LATENCY in self.plan.space.costs
        if borrow_ending(source, target, reports, test=confirm, latency=latency):
            self.view.note(f"{record.key[:8]}: answered from study {other}")

    @contextmanager
    def paused_by_an_error(self) -> Iterator[None]:
        """If an error of any kind ends the study early, the study's runs in MLflow become SCHEDULED.

        A study that another driver has taken over is left alone.

        Raises:
            StudyStopped: in place of SystemExit, whose exit code would say nothing of the study.
        """
        try:
            yield
        except BaseException as error:
            if not self.lease.lost:
                try:
                    with undisturbed():
                        self._pause()
                except Exception:  # the error that stopped the study is shown, not this error
                    log.debug("the pause was not sent to MLflow:", exc_info=True)
            if isinstance(error, SystemExit):
                raise StudyStopped(f"something ended the process with exit code {error.code}") from error
            raise

    def farewell(self) -> None:
        """Make the study's runs and its running trials SCHEDULED, while the main thread is stuck in Ray."""
        if not self.lease.lost:
            for phase in self._phases:
                phase.let_go()
            self._pause()

    def told_to_stop(self) -> bool:
        """Return whether the user has stopped the phase that runs."""
        return any(phase.stopping and not phase.halted for phase in self._phases)

    def _pause(self) -> None:
        self.post("pause")
        self.posts.outbox.flush(FAREWELL)

    def sized(self) -> Room:
        """Return the room for trials. All inputs are built, so the memory of the largest trial is known.

        Raises:
            RequestError: if the largest trial has no room.
        """
        config = largest(self.plan)
        inputs = Inputs(self.store, config, self.request.full_vocabulary)
        need = need_of(config, read_config(inputs.base_folder), known_extent(inputs))
        if self.request.cluster == "local":  # again: for a large task, planning estimates from a sample
            check_here(need, self.request)
        else:
            if not has_room(self.resources):  # an autoscaler begins with none
                step = "starting the first machine"
                call_in_ray(_first_machine, [()], self.resources, step, self.view.note)
            check_cluster(need, self.resources)
        resources, note = in_room(self.resources, need, self.request)
        if note:
            self.view.note(note)
        return Room(resources, self.request, self.view.note)

    def post(
        self, state: Literal["begin", "pause", "finish"], configs: Sequence[TrialConfig] | None = None
    ) -> None:
        """Send the study's state to MLflow, and the teachers of `configs`.

        configs: by default all configurations of the study. A pause always sends the teachers that this
        driver knows, and does not read the ledger, which may be away.
        """
        if state == "pause":
            configs = [*self.plan.all_drafts(), *self._posted]
        elif configs is None:
            configs = configs_of(self.plan, self.ledger.records())
        if state == "begin":
            self._posted.extend(configs)
        if state == "finish":
            self.posts.progress(self.summary(), now=True)
            self.posts.study(configs, state, len(self.ledger.records()))
        else:
            self.posts.study(configs, state)

    def summary(self) -> dict[str, Any]:
        """Return how far the study is."""
        return summary(self.plan, self.ledger.records(), self.ledger.driver)

    def prepare(self, configs: list[TrialConfig], splits: tuple[str, ...]) -> None:
        """Build the inputs of `configs`, each distinct teacher and tokenisation once, side by side.

        Raises:
            RequestError: if a given teacher does not fit.
            TeacherDiverged: if a teacher diverges.
            StudyStopped: if the disk is full, the storage away, or Ray or the memory gave up.
        """
        store, request = self.store, self.request
        preparation = Preparation(store, request.teacher, request.full_vocabulary, self.resources.threads)
        # Of configurations with the same outputs the last stays, so alpha < 1, which reads more, is last.
        configs = sorted(configs, key=lambda config: config.alpha < 1)
        distinct = {Inputs(store, config).outputs_key("train"): config for config in configs}
        calls = [
            (preparation, config, splits)
            for config in distinct.values()
            if not preparation.has(config, splits)  # else no worker has to start
        ]
        step = "preparing the inputs of the trials"
        call_in_ray(Preparation.build, calls, self.resources, step, self.view.note)
        found = [preparation.inputs(config) for config in distinct.values()]
        for one in found:  # bring the outputs here too, if another node built them
            store.has("outputs", one.outputs_key("validation"))
            store.has("vocabularies", one.vocabulary_key)
            if one.config.teacher:
                store.has("comparisons", one.comparison_key)
        for said in sorted({one.how_teacher_compares or "" for one in found} - {""}):
            self.view.note(said)
        for why in sorted({one.why_not_trimmed or "" for one in found} - {""}):
            self.view.note(f"trained on the full vocabulary: {why}")

    def trials(self, phase: Phase, ask: Callable[[], Record | None], room: Room) -> None:
        """Run one phase: first the trials that a former run left, then those that `ask` starts.

        Raises:
            StudyStopped: if the study cannot go on.
            KeyboardInterrupt: if the user has stopped the study, also if Ray has died of the same signal.
        """
        lifecycle = Lifecycle(self.ledger, self.lease, self.posts, phase, ask)
        watch = Watch(self.view, self.plan, lifecycle)
        resources = room.resources

        def job_of(record: Record, attempt: int) -> TrialJob:
            self._borrow(record, phase)
            return TrialJob(
                record.config,
                self.store,
                self.posts.trials / record.key,
                self.plan.space.reports,
                test=phase == "confirm",  # the test split is read in that phase only
                threads=resources.threads,
                attempt=attempt,
                full_vocabulary=self.request.full_vocabulary,
                given_teacher=self.request.teacher,
                reports_start=phase == "confirm" and self.plan.reports_start,
                latency=LATENCY in self.plan.space.costs,
            )

        self._phases[:] = [lifecycle]
        try:
            with graceful(lifecycle.stop, self.view.note):
                while lifecycle.has_next():  # again after a round, or if the last trials lost their workers
                    watch(now=True)
                    run_phase(lifecycle, job_of, resources, watch, room)
                watch(now=True)
        except RayFailed:
            if not lifecycle.stopping:
                raise
        finally:
            if not self.lease.lost:
                lifecycle.let_go()
        if lifecycle.halted:
            raise StudyStopped(lifecycle.halted)
        if lifecycle.stopping:
            raise KeyboardInterrupt
