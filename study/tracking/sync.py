"""`kdstudy status --sync`: MLflow receives what it lacks, because it was away or has lost something."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Literal

from study.errors import RequestError
from study.home import Home
from study.ledger.progress import summary
from study.ledger.study import OpenStudy
from study.tracking.journal import find_unsent
from study.tracking.outbox import Outbox
from study.tracking.page.page import Page
from study.tracking.posts import Posts, configs_of
from study.tracking.tracker import Tracker

__all__ = ["publish_numbers", "sync_study"]

PATIENCE = 600.0  # seconds, while the server answers

Numbers = Mapping[str, Mapping[str, float]]


def sync_study(home: Home, name: str) -> int:
    """Send what the study `name` has and MLflow lacks; returns the number of trials.

    Whatever was lost, deleted or renamed in MLflow comes back, from the ledger, the journals and the results.

    Raises:
        RequestError: if there is no such study, if the study is being run (its driver sends by itself), or if
            MLflow is still away.
    """
    study = OpenStudy.at(home, name, looks=True)
    plan = study.ledger.require_plan()
    with study.lease() as lease, Outbox(lease.holds) as outbox:
        posts = Posts(outbox, Tracker.of(study), study.folder, study.store)
        records = study.ledger.records()
        sent = posts.unsent(records)
        state: Literal["finish", "pause"] = "finish" if study.is_finished() else "pause"
        posts.progress(summary(plan, records, driver=None), now=True)
        posts.study(configs_of(plan, records), state, len(records))
        if not outbox.flush(PATIENCE):
            left = len(find_unsent(study.trials))
            raise RequestError(f"study {name}: MLflow is away ({outbox.away}); {left} trials wait for it")
    return sent + len(posts.lacked)


def publish_numbers(home: Home, name: str, arms: Numbers, study_numbers: Mapping[str, float]) -> None:
    """Let MLflow show the report's numbers, of arms and of the study (`Page.publish`).

    Raises:
        RequestError: as for `sync_study`.
    """
    study = OpenStudy.at(home, name, looks=True)
    with study.lease() as lease, Outbox(lease.holds) as outbox:
        tracker = Tracker.of(study)
        show = partial(Page(tracker).publish, arms, study_numbers, int(time.time() * 1000))
        outbox.put("numbers", lambda: tracker.mending(show))
        if not outbox.flush(PATIENCE):
            raise RequestError(f"study {name}: MLflow is away ({outbox.away})")
