"""A study's story: prepare, search, confirm. If a study stopped, the same call continues the study."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from cluster import Cluster
from study.driver.driven import DrivenStudy, stopped_by_a_late_request
from study.driver.joining import located
from study.driver.ray_alive import RayAlive
from study.driver.ray_cluster import Resources, call_in_ray, connected
from study.driver.resources import check_cluster, default_resources
from study.driver.watch import View
from study.home import Home
from study.ledger.lease import Holder, check_free
from study.ledger.ledger import Ledger
from study.ledger.progress import budget_note, is_finished
from study.ledger.study import OpenStudy
from study.planning.base_model import store_model
from study.planning.registration import registration_tags
from study.planning.request_file import write_request
from study.planning.resolve import Resolved
from study.storage.artifacts import Store
from study.storage.disk import stopped_by_a_full_disk
from study.storage.mirror import check_storage
from study.tracking.outbox import Outbox
from study.tracking.posts import Posts
from study.tracking.store import check_moved, check_tracking
from study.tracking.tracker import Tracker
from study.trial.prepare import Preparation

__all__ = ["run_study"]

LAST_PATIENCE = 60.0  # seconds without an answer from MLflow that a study waits at its end


def run_study(
    resolved: Resolved,
    home: Home,
    urls: dict[str, str],
    cluster: Cluster,
    view: View,
    retry_failed: bool = False,
) -> dict[str, Any]:
    """Run the study `resolved` to its end, or continue it; returns the study's summary.

    Whatever is raised: Ray has been shut down and the lease given back, and what this process opened in
    MLflow is SCHEDULED (if MLflow answers; if not, a mark in the study's folder remains).

    Raises:
        RequestError: if the study was begun with other settings, another process drives the study, or
            anything else of the request cannot be served. Nothing was written.
        StudyStopped: if the study cannot go on: the disk is full, the ledger is broken or away for long, Ray
            has failed.
        TeacherDiverged: if the teacher cannot be trained with the study's settings.
        KeyboardInterrupt: if the user has stopped the study, which can be resumed.
    """
    request, name = resolved.request, resolved.plan.name
    dead = _check_begun(resolved, home, urls)
    for note in resolved.task.notes:
        view.note(note)
    with ExitStack() as stack, stopped_by_a_full_disk():
        view.phase("starting Ray")
        if (found := located(cluster)) is not cluster:
            view.note(f"--cluster {request.cluster}: {found.description}")
        cluster = found
        with ThreadPoolExecutor(1) as beside:  # while Ray starts, this process mostly waits
            beside.submit(lambda: resolved.need)  # the model's code is imported, and the answer is kept
            stack.enter_context(connected(cluster))
        with RayAlive(cluster):
            each = (request.cpus_per_trial, request.gpus_per_trial, request.concurrency)
            resources = default_resources(cluster, *each)
            if cluster.ray_init.get("address") != "local":  # this machine was checked at planning
                resources = check_cluster(resolved.need, resources)
            # From here on something is written.
            stack.enter_context(stopped_by_a_late_request())
            if home.moves_record(name, urls):
                home.records_elsewhere(name, urls["tracking_uri"])
            urls = home.begin(name, urls)
            study = OpenStudy.at(home, name, waits=True)
            ledger, store = study.ledger, study.store
            lease = stack.enter_context(study.lease(dead))
            ledger.driver = lease.me.holder
            before = ledger.plan
            asked = resolved.plan if before is None else resolved.plan.following(before)
            write_request(home.study(name), resolved, plan=asked)
            if before is None:
                view.data(resolved)
            view.phase("preparing the task and the base model")
            Preparation(store).store_task(resolved.task)
            plan = ledger.open(resolved.plan.on_model(_stored_model(resolved, store, resources, view.note)))
        ledger.mend()
        if before is not None and (lower := budget_note(plan, before, ledger.records())):
            view.note(lower)
        if retry_failed:
            ledger.retry_failed()
        tracker = Tracker.of(study, goes_on=before is not None)
        tracker.about |= {"kdstudy.chance": repr(resolved.task.chance)}
        if not ledger.records():
            tracker.registration = registration_tags(plan)
        outbox = stack.enter_context(Outbox(lease.holds))
        posts = Posts(outbox, tracker, study.folder, store)
        driven = DrivenStudy(study, plan, request, lease, posts, resources, view)
        with driven.paused_by_an_error(), RayAlive(cluster, driven.farewell, driven.told_to_stop):
            posts.unsent(ledger.records())
            if not is_finished(plan, ledger.records()):
                driven.run()
            if tracker.changed:
                posts.unsent(ledger.records())
            driven.post("finish")
        away = outbox.away
        if not outbox.finish(LAST_PATIENCE):
            sends = f"kdstudy status {shlex.quote(name)} --sync{home.option} sends what MLflow lacks"
            view.note(f"MLflow is away ({outbox.away or 'no answer'}): {sends}")
        elif away:
            view.note("MLflow is back, and has what it missed")
        return driven.summary() | {"unsent": len(outbox)}


def _stored_model(resolved: Resolved, store: Store, resources: Resources, note: Callable[[str], None]) -> str:
    """Put the base model into the store if the model is missing; returns the model's fingerprint."""
    fingerprint = resolved.model.fingerprint
    if fingerprint is None or not store.has("models", fingerprint):
        call = (store, resolved.request.model, resources.threads)
        (model,) = call_in_ray(store_model, [call], resources, "preparing the base model", note)
        fingerprint = str(model.fingerprint)
    return fingerprint


def _check_begun(resolved: Resolved, home: Home, urls: dict[str, str]) -> Holder | None:
    """Refuse a study that was begun with other settings, before anything is written.

    Returns the dead driver that still holds the study's lease; None if nobody holds the lease.
    """
    name = resolved.plan.name
    home.check_writable()
    home.check_shared(name)
    home.check_databases(name, urls)
    moves = home.moves_record(name, urls)
    home.check_urls(name, {field: url for field, url in urls.items() if not moves or field != "tracking_uri"})
    begun = name in home.studies()
    known = home.urls(name, urls) if begun else urls
    study_id = dead = None
    if "ledger_url" in known:
        if begun:
            study = OpenStudy.at(home, name, waits=True, given=urls)
        else:
            study = OpenStudy(home, name, known, Ledger(known["ledger_url"], name))
        if study.ledger.plan is not None:
            fingerprint = resolved.model.fingerprint or study.ledger.plan.constants["model"]
            study.ledger.check(resolved.plan.on_model(fingerprint))
            study_id = study.ledger.study_id
        dead = check_free(study.ledger.storage.engine, name)
    tracking_uri = known.get("tracking_uri", home.tracking_uri)
    if moves:
        check_moved(urls["tracking_uri"], tracking_uri, name, study_id)
    elif tracking_uri != home.tracking_uri:
        check_tracking(tracking_uri, name, study_id)
    elif home.database.exists():
        with home.opening():
            check_tracking(tracking_uri, name, study_id, f"MLflow's database {home.database}")
    if "storage_url" in known:  # last: for a file:// URL this makes a folder
        check_storage(known["storage_url"])
    return dead
