"""What MLflow has to receive: trials, teachers, and the study's own runs, each as a job of the outbox.

Each job has a mark on disk until it has run. A job may run again: in this process, in a later process, or in
`kdstudy status --sync`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from study.config import TrialConfig
from study.errors import masked
from study.ledger.records import Record, State
from study.planning.plan import Plan
from study.storage.artifacts import Store
from study.storage.attempts import TEXTS, bring_attempts, file_of_ending
from study.tracking.journal import Journal, find_unsent, unsent_mark
from study.tracking.lineage import TaskData
from study.tracking.outbox import BOUND, Outbox
from study.tracking.page.page import Page
from study.tracking.tracker import Tracker
from study.trial.data.task import count_saved_texts
from study.trial.inputs import Inputs
from study.trial.result import read_result

__all__ = ["Posts", "configs_of"]


LOOKS = 10.0
"""Seconds between two messages on how far a study is."""


class Posts:
    """Sends what happens in one study to `tracker`, through `outbox`.

    folder: the study's folder, which holds the trials' folders. store: holds the teachers' scores; if the
    store has a mirror, the mirror holds the results of trials that have no folder here.
    """

    def __init__(self, outbox: Outbox, tracker: Tracker, folder: Path, store: Store) -> None:
        self.outbox, self.tracker, self.folder, self.store = outbox, tracker, folder, store
        outbox.together = tracker.together
        if tracker.together() is None:
            outbox.several()
        self.trials, self.page = folder / "trials", Page(tracker)
        self.data = TaskData(store, str(tracker.plan.request.get("task") or "-"))
        self._next_look = 0.0
        self._found: Mapping[str, Any] | None = None  # how far the study was at the last look
        self.lacked: set[str] = set()
        """The keys of ended trials of which MLflow lacked something that no mark had shown."""

    @property
    def full(self) -> bool:
        """Whether the ends of so many trials wait for MLflow that no new trial may be launched."""
        return self.outbox.ends >= BOUND

    def run_of(self, key: str) -> str | None:
        """Return the id of the run of the trial `key`; None if MLflow has not received the trial yet."""
        return self.tracker.runs.known_id(f"trial/{key}")

    def trial(self, record: Record, journal: Journal, state: State) -> None:
        """Send all reports of `journal`, and bring the trial's run to `state`.

        The trial's folder is marked first. The mark goes when everything has been sent, unless the trial is
        still running.
        """
        folder = self.trials / record.key
        if not folder.exists():  # to make the folder again would wait for the disk
            folder.mkdir(parents=True, exist_ok=True)

        def replay() -> None:
            files = self._files(record, state)
            self.tracker.mending(partial(self._replay, record, journal, state, files))

        self.outbox.put(record.key, replay, unsent_mark(folder), last=state != State.RUNNING)

    def trial_as_it_stands(self, record: Record) -> None:
        """Send a trial that is not running now. The run of a trial that has not ended becomes SCHEDULED."""
        journal = Journal(self.trials / record.key)
        self.trial(record, journal, record.outcome or State.SCHEDULED)

    def unsent(self, records: list[Record]) -> int:
        """Send what MLflow lacks; returns the number of trials that former processes have marked as unsent.

        A mark does not show what was deleted or lost in MLflow, and a home that was lost has lost its marks.
        So all other ended trials are compared with what MLflow has, in a job of the outbox.
        """
        known = {record.key: record for record in records}
        left = [folder for folder in find_unsent(self.trials) if folder.name in known]
        for folder in left:
            self.trial_as_it_stands(known[folder.name])
        marked = {folder.name for folder in left}
        rest = [record for record in records if record.outcome is not None and record.key not in marked]
        if rest:
            self.outbox.put("compare", lambda: self.tracker.mending(partial(self._compare, rest)))
        return len(left)

    def _compare(self, records: list[Record]) -> None:
        """Send again each of the ended `records` of which MLflow lacks something, and label the others."""
        for record in records:
            self.page.label(record)
            self._read_by(record)
            if self.tracker.lacks(record):
                self.lacked.add(record.key)
                self.outbox.put(record.key, partial(self._send_again, record), self._mark(record.key))

    def _mark(self, key: str) -> Path | None:
        """The mark of a trial that has a folder; without a folder, the next comparison finds the trial."""
        folder = self.trials / key
        return unsent_mark(folder) if folder.exists() else None

    def study(
        self,
        configs: Sequence[TrialConfig],
        state: Literal["begin", "pause", "finish"],
        ended: int | None = None,
    ) -> None:
        """Send the teachers of `configs`, and open, schedule or close the study's own runs.

        The study's folder has a mark from the first "begin" until the runs have been scheduled or closed.
        ended: how many trials have ended, if the study is finished.
        """

        def send() -> None:
            # first: the teachers' scores may be in a storage that is away
            self.tracker.mending(
                partial(self.tracker.finish, ended) if state == "finish" else getattr(self.tracker, state)
            )
            task = self.tracker.plan.constants["task"]
            if self.store.has("tasks", task):
                count = partial(count_saved_texts, self.store.path("tasks", task))
                self.tracker.mending(partial(self.tracker.texts, count))
                self.tracker.mending(partial(self.page.present, count))
            read = (Inputs(self.store, config) for config in configs)
            for one in {one.teacher_key: one for one in read}.values():
                if self.store.has("outputs", one.outputs_key("validation")):
                    scores = one.teacher_scores("validation")
                    self.tracker.teacher(one.teacher_key, one.teacher_recipe, scores)
                    inputs = partial(self.data.of_teacher, one.config)
                    self.tracker.read_by(f"teacher/{one.teacher_key}", inputs)

        if state == "pause" and self._found is not None:
            self.progress(_at_rest(self._found), now=True)
        mark = unsent_mark(self.folder)
        mark.touch()
        self.outbox.put("study", send, None if state == "begin" else mark)

    def progress(self, found: Mapping[str, Any], now: bool = False) -> None:
        """Send how far the study is, as its summary `found` says; not more often than each `LOOKS` seconds.

        now: send it in any case.
        """
        self._found = found
        if now or time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOKS
            show = partial(self.page.progress, found, int(time.time() * 1000))
            self.outbox.put("progress", lambda: self.tracker.mending(show))

    def _send_again(self, record: Record) -> None:
        """Send the ended trial `record` from its journal; what the journal lacks comes from its result.

        A journal that was lost with its home is written again, from the result in the mirror.
        """
        assert record.outcome is not None
        folder = self.trials / record.key
        bring_attempts(folder, self.store.mirror)
        journal = Journal(folder)
        if journal.last is None or journal.last.result is None:
            for report in read_result(folder, record.config) or ():
                journal.add(report)
        state = record.outcome
        files = self._files(record, state)
        self.tracker.mending(partial(self._replay, record, journal, state, files))

    def _replay(self, record: Record, journal: Journal, state: State, files: Mapping[str, str]) -> None:
        self.tracker.replay(record, journal.reports, state, files, journal.seen)
        self._read_by(record)

    def _read_by(self, record: Record) -> None:
        """Log the data sets that the trial `record` reads."""
        inputs = partial(self.data.of_trial, record.config, record.phase)
        self.tracker.read_by(f"trial/{record.key}", inputs)

    def _files(self, record: Record, state: State) -> dict[str, str]:
        """The files of a trial in `state` that MLflow receives, as name: text.

        These are the traceback of a failed trial, and which test texts a complete confirm run had correct. A
        worker on another machine has sent the latter to the mirror.
        """
        folder, text = self.trials / record.key, self.trials / record.key / "traceback.txt"
        if state == State.FAILED and text.exists():
            return {text.name: masked(text.read_text(encoding="utf-8"))}
        if state == State.COMPLETE and record.phase == "confirm":
            if (content := file_of_ending(folder, TEXTS)) is None and self.store.mirror is not None:
                bring_attempts(folder, self.store.mirror)
                content = file_of_ending(folder, TEXTS)
            if content is not None:
                return {TEXTS: content.decode()}
        return {}


def _at_rest(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary `found` as it is when nothing runs any more."""
    return {**found, "running": 0, "arms": [{**arm, "running": 0} for arm in found["arms"]]}


def configs_of(plan: Plan, records: Iterable[Record]) -> list[TrialConfig]:
    """Return the configurations whose teachers are all teachers of a study.

    They are the drafts of the arms, and the configurations of the started trials in `records`.
    """
    return [*plan.all_drafts(), *(record.config for record in records)]
