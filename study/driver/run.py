"""A study's story: prepare, search, confirm. Running it again goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
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
from study.planning.base_model import store_model
from study.planning.capacity import check_here, known_extent, largest, need_of
from study.planning.plan import Plan
from study.planning.request import Request
from study.planning.request_file import write_request
from study.planning.resolve import Resolved
from study.storage.artifacts import Store
from study.storage.disk import stopped_by_a_full_disk
from study.storage.mirror import check_storage
from study.tracking.outbox import Outbox
from study.tracking.posts import configs_of, post_study, post_unsent
from study.tracking.store import check_tracking, make_database
from study.tracking.tracker import Tracker
from study.trial import prepare
from study.trial.inputs import Inputs
from study.trial.models.loading import read_config

__all__ = ["run_study"]

FAREWELL = 5.0  # seconds that an interrupted study waits for MLflow
LAST_PATIENCE = 60.0  # seconds without an answer that one at its end does


def run_study(
    asked: Resolved,
    home: Home,
    urls: dict[str, str],
    cluster: Cluster,
    view: View,
    retry_failed: bool = False,
) -> dict[str, Any]:
    """Run `asked` to its end, or go on with it; returns the study's summary.

    Raises:
        RequestError: where the study was begun otherwise, or another process is driving it.
        StudyStopped: where it cannot go on: the disk is full, the ledger is broken or away for long.
        KeyboardInterrupt: where it was told to stop, and is to be resumed.
    """
    request, name = asked.request, asked.plan.name
    dead = _check_begun(asked, home, urls)
    for note in asked.task.notes:
        view.note(note)
    with ExitStack() as stack, stopped_by_a_full_disk():
        view.phase("starting Ray")
        with ThreadPoolExecutor(1) as beside:  # most of it is waiting
            beside.submit(lambda: asked.need)  # kept there for later, and the model's code is imported
            stack.enter_context(connected(cluster))
        each = (request.cpus_per_trial, request.gpus_per_trial, request.concurrency)
        resources = default_resources(cluster, *each)
        if cluster.ray_init.get("address") != "local":  # of this machine it was known at planning
            check_cluster(asked.need, resources)
        urls = home.begin(name, urls)
        store = home.store_of(name)
        ledger = Ledger(urls["ledger_url"], name, goes_on=True)
        lease = stack.enter_context(Lease(ledger.storage.engine, name, dead))
        ledger.driver = lease.me.holder
        write_request(home.study(name), asked)
        goes_on = ledger.plan is not None

        view.phase("preparing the task and the base model")
        prepare.store_task(store, asked.task)
        fingerprint = asked.model.fingerprint
        if fingerprint is None or not store.has("models", fingerprint):
            of_model = (store, request.model, resources.threads)
            (model,) = call_in_ray(store_model, [of_model], resources)
            fingerprint = model.fingerprint
        plan = ledger.open(asked.plan.on_model(fingerprint))
        ledger.mend()
        if retry_failed:
            ledger.retry_failed()
        with home.opening():
            if urls["tracking_uri"] == home.tracking_uri:
                make_database(home.database)
            where = (urls["tracking_uri"], home.artifact_location(urls))
            tracker = Tracker(*where, plan, ledger.study_id, goes_on)
        outbox = stack.enter_context(Outbox(lease.holds))
        post_unsent(outbox, tracker, home.trials(name), ledger.records(), store.mirror)
        study = _Study(home, store, plan, request, ledger, lease, tracker, outbox, resources, view)
        if not is_finished(plan, ledger.records()):
            study.post("begin")
            try:
                study.run()
            except (KeyboardInterrupt, StudyStopped, OSError):
                if not lease.lost:
                    with suppress(StudyStopped, OSError):  # what stopped the study is what is to be said
                        study.post("pause")
                        outbox.flush(FAREWELL)
                raise
        study.post("finish")
        away = outbox.away
        if not outbox.finish(LAST_PATIENCE):
            sends = f"kdstudy status {name} --sync sends what it lacks"
            view.note(f"MLflow is away ({outbox.away or 'no answer'}): {sends}")
        elif away:
            view.note("MLflow is back: it has got what it missed")
        return study.summary() | {"unsent": len(outbox)}


@dataclass(frozen=True)
class _Study:
    """What the phases of one study share."""

    home: Home
    store: Store
    plan: Plan
    request: Request
    ledger: Ledger
    lease: Lease
    tracker: Tracker
    outbox: Outbox
    resources: Resources
    view: View

    def run(self) -> None:
        """Teachers, search, confirm."""
        plan, ledger = self.plan, self.ledger
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

    def sized(self) -> Resources:
        """The resources of trials, now that what they read is there and tells what the largest takes."""
        config = largest(self.plan)
        inputs = Inputs(self.store, config, self.request.full_vocabulary)
        need = need_of(config, read_config(inputs.base_folder), known_extent(inputs))
        if self.request.cluster == "local":  # again: of a large task it was estimated from a sample
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
        """Have MLflow told how the study stands, and of the teachers of `configs` (default: of all)."""
        if configs is None:
            configs = configs_of(self.plan, self.ledger.records())
        folder = self.home.study(self.plan.name)
        post_study(self.outbox, self.tracker, self.store, folder, configs, state)

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
            if not prepare.has_inputs(store, config, splits, whole)  # else no worker has to be started for it
        ]
        call_in_ray(prepare.build_inputs, calls, self.resources)
        found = [Inputs(store, config, whole) for config in distinct.values()]
        for one in found:  # here too, where another node built it
            store.has("outputs", one.outputs_key("validation"))
            store.has("vocabularies", one.vocabulary_key)
        for why in sorted({one.why_not_trimmed or "" for one in found} - {""}):
            self.view.note(f"trained on the full vocabulary: {why}")

    def trials(self, phase: Phase, ask: Callable[[], Record | None], resources: Resources) -> None:
        """Run one phase: the trials that a former run left, then those that `ask` starts."""
        folder = self.home.trials(self.plan.name)
        records = (self.ledger, self.lease, self.tracker, self.outbox)
        lifecycle = Lifecycle(*records, folder, phase, ask, self.store.mirror)
        watch = Watch(self.view, self.plan, lifecycle)
        test = phase == "confirm"  # test is read in that phase only
        request = self.request
        work = Work(self.store, request.teacher, self.plan.space.reports, test, request.full_vocabulary)
        try:
            with graceful(lifecycle.stop, self.view.note):
                while lifecycle.has_next():  # again only where the phase's last trials lost their workers
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


def _check_begun(asked: Resolved, home: Home, urls: dict[str, str]) -> Holder | None:
    """Refuse a study that was begun otherwise, before anything is written; its last driver, if that died."""
    name = asked.plan.name
    home.check_writable()
    home.check_urls(name, urls)
    begun = name in home.studies()
    known = home.urls(name) if begun else urls
    study_id = dead = None
    if "ledger_url" in known:
        ledger = Ledger(known["ledger_url"], name, goes_on=begun)
        if ledger.plan is not None:
            fingerprint = asked.model.fingerprint or ledger.plan.constants["model"]
            ledger.check(asked.plan.on_model(fingerprint))
            study_id = ledger.study_id
        dead = check_free(ledger.storage.engine, name)
    tracking_uri = known.get("tracking_uri", home.tracking_uri)
    if tracking_uri != home.tracking_uri:
        check_tracking(tracking_uri, name, study_id)
    elif home.database.exists():
        with home.opening():
            check_tracking(tracking_uri, name, study_id)
    if "storage_url" in known:  # last: it makes a folder where file:// names none yet
        check_storage(known["storage_url"])
    return dead
