"""What MLflow is to be told, as jobs of the outbox: of trials, of teachers, of a study's own runs.

Each is marked on disk until it has been told, and may be told again: by this process, a later one, or
`kdstudy status --sync`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Literal

from study.config import TrialConfig
from study.ledger.records import Record
from study.planning.plan import Plan
from study.storage.artifacts import Store
from study.storage.attempts import bring_attempts
from study.storage.mirror import Mirror
from study.tracking.journal import Journal, find_unsent, unsent_mark
from study.tracking.outbox import Outbox
from study.tracking.tracker import Tracker
from study.trial.inputs import Inputs
from study.trial.result import read_result

__all__ = ["configs_of", "post_as_it_stands", "post_study", "post_trial", "post_unsent"]


def post_trial(
    outbox: Outbox, tracker: Tracker, folder: Path, record: Record, journal: Journal, state: str
) -> None:
    """Have MLflow brought to all that `journal` holds, and the trial's run to `state`.

    `state` is RUNNING, SCHEDULED or an outcome. The mark is set before; it goes once all is sent, unless the
    trial runs on.
    """
    if not folder.exists():  # making it again would wait for the disk
        folder.mkdir(parents=True, exist_ok=True)

    def replay() -> None:
        text = folder / "traceback.txt"
        traceback = text.read_text(encoding="utf-8") if state == "failed" and text.exists() else None
        tracker.replay(record, journal.lines, state, traceback)

    outbox.put(record.key, replay, unsent_mark(folder), last=state != "RUNNING")


def post_as_it_stands(outbox: Outbox, tracker: Tracker, folder: Path, record: Record) -> None:
    """Post a trial that does not run: one that has not ended is scheduled."""
    post_trial(outbox, tracker, folder, record, Journal(folder), record.outcome or "SCHEDULED")


def post_unsent(
    outbox: Outbox, tracker: Tracker, trials: Path, records: list[Record], mirror: Mirror | None = None
) -> int:
    """Post what a former process left unsent; the number of trials.

    Of a home that was lost the marks were lost too. So trials that have ended without a folder here are
    looked at as well, where a `mirror` has their results.
    """
    known = {record.key: record for record in records}
    left = [folder for folder in find_unsent(trials) if folder.name in known]
    for folder in left:
        post_as_it_stands(outbox, tracker, folder, known[folder.name])
    for record in records:
        if mirror is not None and record.outcome is not None and not (trials / record.key).exists():
            outbox.put(record.key, partial(_replay_from, mirror, tracker, trials / record.key, record))
    return len(left)


def _replay_from(mirror: Mirror, tracker: Tracker, folder: Path, record: Record) -> None:
    """Bring the run of a trial that has ended to its result in the `mirror`, unless it is closed already."""
    assert record.outcome is not None
    if tracker.has_ended(record.key):
        return
    bring_attempts(folder, mirror)
    journal = Journal(folder)
    for progress in read_result(folder, record.trial_config()) or ():
        journal.add(asdict(progress))
    tracker.replay(record, journal.lines, record.outcome)


def configs_of(plan: Plan, records: Iterable[Record]) -> list[TrialConfig]:
    """Configurations whose teachers are all that a study has: the arms' drafts, and all that was started."""
    return [*plan.all_drafts(), *(record.trial_config() for record in records)]


def post_study(
    outbox: Outbox,
    tracker: Tracker,
    store: Store,
    folder: Path,
    configs: Iterable[TrialConfig],
    state: Literal["begin", "pause", "finish"],
) -> None:
    """Have MLflow told of the teachers of `configs`, and the study's own runs opened, scheduled or closed.

    The mark in the study's `folder` is there from its begin until its runs have been scheduled or closed.
    """

    def tell() -> None:
        for one in {one.teacher_key: one for one in (Inputs(store, config) for config in configs)}.values():
            if store.has("outputs", one.outputs_key("validation")):
                tracker.teacher(one.teacher_key, one.teacher_recipe, one.teacher_scores("validation"))
        getattr(tracker, state)()

    mark = unsent_mark(folder)
    mark.touch()
    outbox.put("study", tell, None if state == "begin" else mark)
