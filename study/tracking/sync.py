"""`kdstudy status --sync`: what MLflow lacks, because it was away, is sent to it."""

from __future__ import annotations

from typing import Literal

from study.errors import RequestError
from study.home import Home
from study.ledger.lease import Lease
from study.ledger.ledger import Ledger
from study.ledger.progress import is_finished
from study.tracking.journal import find_unsent
from study.tracking.outbox import Outbox
from study.tracking.posts import configs_of, post_study, post_unsent
from study.tracking.tracker import Tracker

__all__ = ["sync_study"]

PATIENCE = 600.0  # seconds, while the server answers


def sync_study(home: Home, name: str) -> int:
    """Send what the trials of study `name` have journalled and MLflow lacks; returns the number of trials.

    Raises:
        RequestError: where the study is being run (it sends by itself), or MLflow is still away.
    """
    urls = home.urls(name)
    ledger = Ledger(urls["ledger_url"], name)
    plan = ledger.require_plan()
    with Lease(ledger.storage.engine, name) as lease, Outbox(lease.holds) as outbox:
        with home.opening():
            tracker = Tracker(urls["tracking_uri"], home.artifact_location(urls), plan, ledger.study_id)
        records = ledger.records()
        store = home.store_of(name)
        sent = post_unsent(outbox, tracker, home.trials(name), records, store.mirror)
        state: Literal["finish", "pause"] = "finish" if is_finished(plan, records) else "pause"
        post_study(outbox, tracker, store, home.study(name), configs_of(plan, records), state)
        if not outbox.flush(PATIENCE):
            left = len(find_unsent(home.trials(name)))
            raise RequestError(f"study {name}: MLflow is away ({outbox.away}); {left} trials wait for it")
    return sent
