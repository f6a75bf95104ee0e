"""A study's story: prepare, search, confirm. To run it again is to go on from where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

from cluster import Cluster
from study.config import TrialConfig
from study.driver.interrupt import graceful
from study.driver.lifecycle import Lifecycle
from study.driver.resources import (
    Resources,
    call_in_ray,
    check_cluster,
    connected,
    default_resources,
    in_room,
)
from study.driver.tune import run_phase
from study.driver.watch import View, Watch
from study.driver.worker import Work
from study.errors import StudyStopped
from study.home import Home
from study.ledger.lease import Holder, Lease, check_free
from study.ledger.ledger import Ledger
from study.ledger.progress import confirm_wanted, is_finished, summary
from study.ledger.records import Phase, Record
from study.ledger.study import OpenStudy
from study.planning.base_model import store_model
from study.planning.capacity import check_here, known_extent, largest, need_of
from study.planning.plan import Plan
from study.planning.request import Request
from study.planning.resolve import Asked
from study.storage.artifacts import Store
from study.storage.disk import stopped_by_a_full_disk
from study.storage.mirror import check_storage
from study.tracking.outbox import Outbox
from study.tracking.posts import Posts, configs_of
from study.tracking.store import check_tracking
from study.tracking.tracker import Tracker
from study.trial import prepare
from study.trial.inputs import Inputs
from study.trial.models.loading import read_config

__all__ = ["run_study"]

FAREWELL = 5.0  # seconds that an interrupted study waits for MLflow
LAST_PATIENCE = 60.0  # seconds without an answer from MLflow that a study waits at its end


def run_study(
    asked: Asked, home: Home, urls: dict[str, str], cluster: Cluster, view: View, retry_failed: bool = False
) -> dict[str, Any]:
    """Run `asked` to its end, or go on with it; returns the study's summary.

    Raises:
        RequestError: if the study was begun otherwise, or another process is driving it.
        StudyStopped: if the study cannot go on: the disk is full, the ledger is broken or away for long.
        KeyboardInterrupt: if the user has stopped the study, which can be resumed.
    """
    request, name = asked.request, asked.plan.name
    dead = _check_begun(asked, home, urls)
    for note in asked.task.notes:
        view.note(note)
    with ExitStack() as stack, stopped_by_a_full_disk():
        view.phase("starting Ray")
        with ThreadPoolExecutor(1) as beside:  # Ray's start is mostly waiting
            beside.submit(lambda: asked.need)  # `asked` keeps it for later, and the model's code is imported
            stack.enter_context(connected(cluster))
        each = (request.cpus_per_trial, request.gpus_per_trial, request.concurrency)
        resources = default_resources(cluster, *each)
        if cluster.ray_init.get("address") != "local":  # this machine was checked at planning
            check_cluster(asked.need, resources)
        urls = home.begin(name, urls)
        study = OpenStudy.at(home, name, waits=True)
        ledger, store = study.ledger, study.store
        lease = stack.enter_context(study.lease(dead))
        ledger.driver = lease.me.holder
        goes_on = ledger.plan is not None
        view.phase("preparing the task and the base model")
        prepare.store_task(store, asked.task)
        plan = ledger.open(asked.plan.on_model(_stored_model(asked, store, resources)))
        ledger.mend()
        if retry_failed:
            ledger.retry_failed()
        tracker = Tracker.of(study, goes_on)
        outbox = stack.enter_context(Outbox(lease.holds))
        posts = Posts(outbox, tracker, study.folder, store)
        posts.unsent(ledger.records())
        driven = _Driven(study, plan, request, lease, posts, resources, view)
        if not is_finished(plan, ledger.records()):
            with driven.paused_by_an_error():
                driven.run()
        driven.post("finish")
        away = outbox.away
        if not outbox.finish(LAST_PATIENCE):
            sends = f"kdstudy status {name} --sync sends what it lacks"
            view.note(f"MLflow is away ({outbox.away or 'no answer'}): {sends}")
        elif away:
            view.note("MLflow is back: it has got what it missed")
        return driven.summary() | {"unsent": len(outbox)}


def _stored_model(asked: Asked, store: Store, resources: Resources) -> str:
    """Put the base model into the store if it is missing; returns its fingerprint."""
    fingerprint = asked.model.fingerprint
    if fingerprint is None or not store.has("models", fingerprint):
        (model,) = call_in_ray(store_model, [(store, asked.request.model, resources.threads)], resources)
        fingerprint = str(model.fingerprint)
    return fingerprint


@dataclass(frozen=True)
class _Driven:
    """One study while it is driven: what its phases share."""

    study: OpenStudy
    plan: Plan
    request: Request
    lease: Lease
    posts: Posts
    resources: Resources
    view: View

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

        resources = self.sized()
        self.view.phase("search")
        self.trials("search", ledger.ask_search, resources)
        if wanted := confirm_wanted(plan, ledger.records()):
            self.view.phase("preparing the confirm runs")
            self.prepare([config for _, config in wanted], ("train", "validation", "test"))
            self.post("begin", [config for _, config in wanted])
            self.view.phase("confirm")
            self.trials("confirm", lambda: ledger.ask_confirm(wanted), resources)

    @contextmanager
    def paused_by_an_error(self) -> Iterator[None]:
        """If an error ends the study early: its runs in MLflow become SCHEDULED, and it can be resumed."""
        try:
            yield
        except BaseException:
            if not self.lease.lost:
                with suppress(StudyStopped, OSError):  # the reason that stopped the study is the one to show
                    self.post("pause")
                    self.posts.outbox.flush(FAREWELL)
            raise

    def sized(self) -> Resources:
        """Return the resources of trials, whose inputs are built now: what the largest trial takes is known."""
        config = largest(self.plan)
        inputs = Inputs(self.store, config, self.request.full_vocabulary)
        need = need_of(config, read_config(inputs.base_folder), known_extent(inputs))
        if self.request.cluster == "local":  # again: for a large task planning estimates from a sample
            check_here(need, self.request)
        else:
            check_cluster(need, self.resources)
        resources, note = in_room(self.resources, need, self.request)
        if note:
            self.view.note(note)
        return resources

    def post(
        self, state: Literal["begin", "pause", "finish"], configs: Sequence[TrialConfig] | None = None
    ) -> None:
        """Send the study's state to MLflow, and the teachers of `configs` (default: all teachers)."""
        if configs is None:
            configs = configs_of(self.plan, self.ledger.records())
        self.posts.study(configs, state)

    def summary(self) -> dict[str, Any]:
        return summary(self.plan, self.ledger.records(), self.ledger.driver)

    def prepare(self, configs: list[TrialConfig], splits: tuple[str, ...]) -> None:
        """Build the inputs of `configs`, each distinct teacher and tokenisation once, side by side."""
        store, whole = self.store, self.request.full_vocabulary
        configs = sorted(configs, key=lambda config: config.alpha < 1)  # those that need most come last
        distinct = {Inputs(store, config).outputs_key("train"): config for config in configs}
        calls = [
            (store, config, self.request.teacher, splits, self.resources.threads, whole)
            for config in distinct.values()
            if not prepare.has_inputs(store, config, splits, whole)  # else no worker has to start
        ]
        call_in_ray(prepare.build_inputs, calls, self.resources)
        found = [Inputs(store, config, whole) for config in distinct.values()]
        for one in found:  # bring them here too, if another node built them
            store.has("outputs", one.outputs_key("validation"))
            store.has("vocabularies", one.vocabulary_key)
        for why in sorted({one.why_not_trimmed or "" for one in found} - {""}):
            self.view.note(f"trained on the full vocabulary: {why}")

    def trials(self, phase: Phase, ask: Callable[[], Record | None], resources: Resources) -> None:
        """Run one phase: the trials that a former run left, then those that `ask` starts."""
        lifecycle = Lifecycle(self.ledger, self.lease, self.posts, phase, ask)
        watch = Watch(self.view, self.plan, lifecycle)
        test = phase == "confirm"  # test is read in that phase only
        request = self.request
        work = Work(self.store, request.teacher, self.plan.space.reports, test, request.full_vocabulary)
        try:
            with graceful(lifecycle.stop, self.view.note):
                while lifecycle.has_next():  # again only if the phase's last trials lost their workers
                    watch(now=True)
                    run_phase(lifecycle, work, resources, watch)
                watch(now=True)
        finally:
            if not self.lease.lost:
                lifecycle.let_go()
        if lifecycle.halted:
            raise StudyStopped(lifecycle.halted)
        if lifecycle.stopping:
            raise KeyboardInterrupt


def _check_begun(asked: Asked, home: Home, urls: dict[str, str]) -> Holder | None:
    """Refuse a study that was begun otherwise, before anything is written; returns its dead driver."""
    name = asked.plan.name
    home.check_writable()
    home.check_urls(name, urls)
    begun = name in home.studies()
    known = home.urls(name) if begun else urls
    study_id = dead = None
    if "ledger_url" in known:
        study = OpenStudy(home, name, known, Ledger(known["ledger_url"], name, waits=begun))
        if study.ledger.plan is not None:
            fingerprint = asked.model.fingerprint or study.ledger.plan.constants["model"]
            study.ledger.check(asked.plan.on_model(fingerprint))
            study_id = study.ledger.study_id
        dead = check_free(study.ledger.storage.engine, name)
    tracking_uri = known.get("tracking_uri", home.tracking_uri)
    if tracking_uri != home.tracking_uri:
        check_tracking(tracking_uri, name, study_id)
    elif home.database.exists():
        with home.opening():
            check_tracking(tracking_uri, name, study_id)
    if "storage_url" in known:  # last: for a file:// URL this makes a folder
        check_storage(known["storage_url"])
    return dead
