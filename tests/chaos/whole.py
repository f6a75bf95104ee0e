"""What is on record of a study, and every promise of exactly-once that is broken there."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

__all__ = ["Whole", "check_same", "rows_of"]

Rows = dict[tuple[str, int], list[float]]


@dataclass
class Whole:
    """What is on record of a study, and what is wrong with it."""

    home: Path
    name: str

    @cached_property
    def records(self) -> list[Any]:
        from study.ledger.ledger import Ledger

        ledger = Ledger(f"sqlite:///{self.home / 'studies' / self.name / 'optuna.db'}", self.name)
        return ledger.records()

    @cached_property
    def runs(self) -> list[tuple[str, str, str]]:
        """(key, status, run) of every run of a trial."""
        return self._read(
            "select k.value, r.status, r.run_uuid from runs r join tags k using (run_uuid) "
            "join tags p using (run_uuid) join experiments e using (experiment_id) "
            "where k.key = 'kdstudy.key' and p.key = 'kdstudy.phase' and p.value in ('search', 'confirm') "
            "and e.name = ? and r.lifecycle_stage = 'active'"
        )

    @cached_property
    def metrics(self) -> dict[str, Rows]:
        """Trial's key -> (metric, step) -> values on record, of which there should be one."""
        found: dict[str, Rows] = {}
        keys = {run: key for key, _, run in self.runs}
        for run, metric, step, value in self._read(
            "select m.run_uuid, m.key, m.step, m.value from metrics m join runs r using (run_uuid) "
            "join experiments e using (experiment_id) where e.name = ?"
        ):
            if run in keys:
                found.setdefault(keys[run], {}).setdefault((metric, step), []).append(value)
        return found

    @cached_property
    def statuses(self) -> Counter[str]:
        """Status -> how many runs of the study have it: of trials, arms and the study."""
        return Counter(status for status, *_ in self._read(
            "select r.status from runs r join experiments e using (experiment_id) where e.name = ?"
        ))  # fmt: skip

    def violations(self, planned: int) -> list[str]:
        """Every promise of exactly-once that is broken."""
        keys = [record.key for record in self.records]
        in_mlflow = Counter(key for key, *_ in self.runs)
        lines = {path.parent.name for path in self.home.glob(f"studies/{self.name}/trials/*/progress.jsonl")}
        statuses = self.statuses
        twice = [
            (key[:8], *at)
            for key, rows in self.metrics.items()
            for at, values in rows.items()
            if len(values) > 1
        ]
        asked = Counter(key for (key,) in self._keys_asked())
        checks = {
            f"{len(keys)} keys in the ledger, {planned} planned": len(keys) == planned,
            f"a key twice in the ledger: {asked.most_common(1)}": max(asked.values()) == 1,
            "keys in the ledger and in MLflow differ": set(keys) == set(in_mlflow),
            f"two runs of one key: {in_mlflow.most_common(1)}": max(in_mlflow.values()) == 1,
            "a journal that belongs to no key": lines <= set(keys),
            f"runs left open: {statuses}": not {"RUNNING", "SCHEDULED"} & set(statuses),
            f"trials left open: {Counter(r.outcome for r in self.records)}": not any(
                record.running or record.outcome == "failed" for record in self.records
            ),
            f"metric rows written twice: {twice[:3]}": not twice,
            "something is marked unsent": not list(self.home.glob("studies/*/trials/*/unsent")),
        }
        return [what for what, holds in checks.items() if not holds]

    def _keys_asked(self) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.home / "studies" / self.name / "optuna.db") as database:
            return database.execute(
                "select value_json from trial_user_attributes a where key = 'key' and not exists (select 1 "
                "from trial_user_attributes d where d.trial_id = a.trial_id and d.key = 'duplicate_of')"
            ).fetchall()

    def _read(self, query: str) -> list[Any]:
        with sqlite3.connect(self.home / "mlflow.db") as database:
            return database.execute(query, (self.name,)).fetchall()


def rows_of(whole: Whole, key: str) -> Rows:
    """The trial's metrics, as far as they are numbers of the student.

    Its time, the use of its machine and the task's texts are left out.
    """
    of_trial = whole.metrics.get(key, {}).items()
    others = ("test/texts/", "system/")
    return {at: v for at, v in of_trial if at[0] != "seconds" and not at[0].startswith(others)}


def check_same(whole: Whole, undisturbed: Whole) -> list[str]:
    """At concurrency 1: the very same suggestions in the same order, outcomes and numbers."""
    ours, theirs = _facts(whole), _facts(undisturbed)
    names = ("phase", "arm", "outcome", "value", "metrics")
    wrong = [
        f"{key[:8]}: another {name}"
        for key in ours.keys() & theirs.keys()
        for name, one, other in zip(names, ours[key], theirs[key], strict=True)
        if one != other
    ]
    return wrong + ([] if list(ours) == list(theirs) else ["other suggestions, or in another order"])


def _facts(whole: Whole) -> dict[str, tuple[Any, ...]]:
    """Key -> how its trial ended, in the order of the suggestions."""
    return {r.key: (r.phase, r.arm, r.outcome, r.value, rows_of(whole, r.key)) for r in whole.records}
