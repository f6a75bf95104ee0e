"""A study's story: prepare, search, confirm. Running it again goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from cluster import Cluster
from study import prepare
from study.config import RequestError, TrialConfig
from study.home import Home
from study.ledger import Ledger, Phase, Record
from study.lifecycle import Lifecycle
from study.plan import Plan
from study.request import Asked, Request
from study.status import confirm_wanted, summary
from study.tracking import Tracker, check_tracking
from study.trial.inputs import Inputs
from study.tune import Resources, Work, call_in_ray, connected, default_resources, run_phase

__all__ = ["View", "run_study"]


class View(Protocol):
    """What a study's progress is shown on."""

    def note(self, text: str) -> None: ...
    def phase(self, text: str) -> None: ...
    def progress(self, summary: dict[str, Any], reports: dict[str, dict[str, Any]]) -> None: ...


def run_study(asked: Asked, home: Home, urls: dict[str, str], cluster: Cluster, view: View) -> dict[str, Any]:
    """Run `asked` to its end, or go on with it; returns the study's summary.

    Raises:
        RequestError: where the study was begun otherwise, or another process is driving it.
    """
    request, name = asked.request, asked.plan.name
    _check_begun(asked, home, urls)
    for note in asked.task.notes:
        view.note(note)
    with ExitStack() as stack:
        view.phase("starting Ray")
        stack.enter_context(connected(cluster))
        each = (request.cpus_per_trial, request.gpus_per_trial, request.concurrency)
        resources = default_resources(cluster, *each)
        urls = home.begin(name, urls)
        stack.enter_context(_only_driver(home.study(name)))

        view.phase("preparing the task and the base model")
        prepare.store_task(home.store, asked.task)
        of_model = (home.store, request.model, resources.threads)
        (model,) = call_in_ray(prepare.store_model, [of_model], resources)
        ledger = Ledger(urls["ledger_url"], name)
        plan = ledger.open(asked.plan.on_model(model.fingerprint))
        ledger.mend()
        with home.opening():
            tracker = Tracker(urls["tracking_uri"], home.artifact_location(urls), plan, ledger.study_id)
        tracker.close_ended(ledger.records())
        study = _Study(home, plan, request, ledger, resources, view)
        if study.is_finished():
            tracker.finish()  # a kill may have come between the last trial's end and this
            return study.summary()

        tracker.begin()
        view.phase("preparing the teacher and its outputs")
        inputs = study.prepare([c for arm in plan.arms() for c in plan.drafts(arm)], ("train", "validation"))
        for one in inputs:
            tracker.teacher(one.teacher_key, one.teacher_recipe, one.teacher_scores("validation"))

        view.phase("search")
        study.trials(tracker, "search", ledger.ask_search)
        if wanted := confirm_wanted(plan, ledger.records()):
            view.phase("preparing the confirm runs")
            study.prepare([config for _, config in wanted], ("train", "validation", "test"))
            view.phase("confirm")
            study.trials(tracker, "confirm", lambda: ledger.ask_confirm(wanted))
        tracker.finish()
        return study.summary()


@dataclass(frozen=True)
class _Study:
    """What the phases of one study share."""

    home: Home
    plan: Plan
    request: Request
    ledger: Ledger
    resources: Resources
    view: View

    def summary(self) -> dict[str, Any]:
        return summary(self.plan, self.ledger.records())

    def is_finished(self) -> bool:
        records = self.ledger.records()
        waiting = summary(self.plan, records)["waiting"]
        return waiting == 0 and not any(record.running for record in records)

    def prepare(self, configs: list[TrialConfig], splits: tuple[str, ...]) -> list[Inputs]:
        """Build the inputs of `configs`, each distinct teacher and tokenisation once, side by side."""
        configs = sorted(configs, key=lambda config: config.alpha < 1)  # those that need most come last
        distinct = {Inputs(self.home.store, config).outputs_key("train"): config for config in configs}
        calls = [
            (self.home.store, config, self.request.teacher, splits, self.resources.threads)
            for config in distinct.values()
        ]
        return call_in_ray(prepare.build_inputs, calls, self.resources)

    def trials(self, tracker: Tracker, phase: Phase, ask: Callable[[], Record | None]) -> None:
        """Run one phase: the trials that a former run left, then those that `ask` starts."""
        lifecycle = Lifecycle(self.ledger, tracker, self.home.trials(self.plan.name), phase, ask)

        def watch() -> None:
            self.view.progress(self.summary(), lifecycle.reports)

        test = phase == "confirm"  # test is read in that phase only
        work = Work(self.home.store, self.request.teacher, self.plan.space.reports, test)
        while lifecycle.has_next():  # again only where the phase's last trials lost their workers
            watch()
            run_phase(lifecycle, work, self.resources, watch)


def _check_begun(asked: Asked, home: Home, urls: dict[str, str]) -> None:
    """Refuse a study that was begun otherwise, before anything is written."""
    name = asked.plan.name
    home.check_writable()
    home.check_urls(name, urls)
    begun = name in home.studies()
    known = home.urls(name) if begun else urls
    study_id = None
    if "ledger_url" in known:
        ledger = Ledger(known["ledger_url"], name)
        if ledger.plan is not None:
            fingerprint = asked.model.fingerprint or ledger.plan.constants["model"]
            ledger.check(asked.plan.on_model(fingerprint))
            study_id = ledger.study_id
    tracking_uri = known.get("tracking_uri", home.tracking_uri)
    if tracking_uri != home.tracking_uri:
        check_tracking(tracking_uri, name, study_id)
    elif home.database.exists():
        with home.opening():
            check_tracking(tracking_uri, name, study_id)
    if begun:
        with _only_driver(home.study(name)):
            pass  # it is held in earnest once Ray has been started


@contextmanager
def _only_driver(folder: Path) -> Iterator[None]:
    """Hold the study's driver lock; the system lets go of it when the process dies.

    Raises:
        RequestError: where another process holds it.
    """
    lock = FileLock(folder / "driver.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RequestError(f"study {folder.name}: another process on this host is running it") from None
    try:
        yield
    finally:
        lock.release()
