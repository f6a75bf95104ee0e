"""The ledger: a study's Optuna storage, the only memory of what was asked, is running, and has ended.

One Optuna study per arm (`NAME/search/ARM`), one for the confirm phase (`NAME/confirm`), and a root
(`NAME`) that holds the plan and the study's id. A trial lives through ask -> report ... -> tell, and every
one of these is one transaction, so a new process reads on where a killed one stopped.

A trial's key is set last in an ask: a RUNNING trial without a key died inside its ask and never started.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import optuna
from optuna.trial import TrialState

from study.config import TrialConfig
from study.ledger.database import open_storage
from study.ledger.optuna_studies import OptunaStudies
from study.ledger.patience import at_once, patiently
from study.ledger.records import Outcome, Phase, Record, Records
from study.ledger.running import RunningTrials
from study.ledger.sampling import fixed_sampler, make_sampler
from study.ledger.transaction import one_transaction
from study.planning.plan import Arm, Plan

__all__ = ["Ledger"]

STATES: dict[str, TrialState] = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "diverged": TrialState.PRUNED,  # told as NaN it would be FAIL, which samplers ignore and propose again
    "failed": TrialState.FAIL,
}
DUPLICATES_IN_A_ROW = 8  # before the next untried point of a finite arm is taken instead


class Ledger:
    """The study `name` in the Optuna storage at `url`.

    It remembers what it has read and written: it is for one look, or for the driver that holds the lease,
    since nobody else writes. `mend` looks again.

    goes_on: a study goes on there, so that a server that is away is waited for.

    Raises:
        RequestError: for a storage that cannot be opened.
        StudyStopped: where that is because the disk is full, or a server has been away for long.
    """

    def __init__(self, url: str, name: str, goes_on: bool = False) -> None:
        self.storage = open_storage(url, goes_on)
        self.studies = OptunaStudies(self.storage, name)
        self.driver = ""
        """Who drives: the holder of the lease, on record with each trial that it starts."""
        self._budgets: dict[Arm, int] | None = None
        self._records: Records | None = None
        self._before_ask: Records | None = None  # what was on record before an ask that has not answered
        self._running = RunningTrials(self.studies, self._writing)
        self._first_attempts: dict[int, int] = {}  # that have not begun

    @property
    def plan(self) -> Plan | None:
        """The plan on record; none before the first run."""
        return self.studies.plan

    def require_plan(self) -> Plan:
        """The plan on record.

        Raises:
            RequestError: where there is none.
        """
        return self.studies.require_plan()

    @property
    def study_id(self) -> str:
        """Drawn by the ledger when the study began; names the study in MLflow."""
        return self.studies.id

    def check(self, plan: Plan) -> None:
        """Raises:
        RequestError: where another space, task or model is on record under this name.
        """
        self.studies.check(plan)

    def open(self, plan: Plan) -> Plan:
        """Put `plan` on record, or continue the one there with the larger of both budgets.

        Raises:
            RequestError: where another space, task or model is on record under this name.
        """
        patiently(lambda: self.studies.put(plan))
        self._budgets = self._records = None
        return self.require_plan()

    def records(self) -> list[Record]:
        """Every trial with a key, once: of a key that was tried again the newest, duplicates left out."""
        return list(patiently(self._memory))

    def _memory(self) -> Records:
        """All that is on record; read once, and kept by every write of this process."""
        if self._records is None:
            arms = [self.studies.search(arm.name) for arm in self.require_plan().arms()]
            records = Records([*arms, self.studies.confirm])
            for phase, study, trials in self.studies.stored():
                records.read(study.study_name, phase, trials)
            self._records = records
        return self._records

    def ask_search(self) -> Record | None:
        """Start the next search trial, in the arm with the fewest started; none when budgets are used up."""
        return self._ask(self._ask_search)

    def _ask_search(self) -> Record | None:
        memory = self._memory()
        if self._budgets is None:
            plan = self.require_plan()
            self._budgets = {arm: plan.planned(arm) for arm in plan.arms()}
        started = {arm: memory.started(self.studies.search(arm.name)) for arm in self._budgets}
        open_arms = [arm for arm, budget in self._budgets.items() if started[arm] < budget]
        if not open_arms:
            return None
        arm = min(open_arms, key=lambda arm: started[arm])
        for attempt in range(10_000):
            untried = self._untried(arm, memory.keys()) if attempt >= DUPLICATES_IN_A_ROW else None
            if (record := self._propose(arm, untried)) is not None:
                return record
        raise RuntimeError(f"arm {arm.name}: no new configuration in 10,000 proposals")

    def _propose(self, arm: Arm, point: dict[str, Any] | None) -> Record | None:
        """Start what the sampler of `arm` proposes next, or `point`; none where that is known already."""
        plan, memory, name = self.require_plan(), self._memory(), self.studies.search(arm.name)
        study = self.studies.get(name)
        study.sampler = fixed_sampler(point) if point else make_sampler(plan, arm, memory.proposed(name))
        with self._writing():
            trial = study.ask()
            config = plan.suggest(trial, arm)
            if (original := memory.get(config.key)) is None:
                record = self._start(trial, "search", arm.name, config)
            else:
                self._tell_duplicate(study, trial, original)
        if original is not None:
            memory.put_duplicate(name)
            return None
        memory.put(name, record, proposed=True)
        return record

    def ask_confirm(self, wanted: list[tuple[str, TrialConfig]]) -> Record | None:
        """Start the first of `wanted`, (arm, configuration), that is not on record; none when all are."""
        return self._ask(lambda: self._ask_confirm(wanted))

    def _ask(self, ask: Callable[[], Record | None]) -> Record | None:
        """`ask()`. One that raised may have been committed: the next call then answers what that one made.

        Raises:
            Away: where the storage is away; to be called again.
        """
        record = at_once(
            lambda: self._ask_once(ask) if self._before_ask is None else self._ask_once_more(ask)
        )
        self._before_ask = None
        return record

    def _ask_once(self, ask: Callable[[], Record | None]) -> Record | None:
        self._before_ask = self._memory()  # which an ask that raises leaves as it is
        return ask()

    def _ask_once_more(self, ask: Callable[[], Record | None]) -> Record | None:
        assert self._before_ask is not None
        self._mend()
        known = {record.trial_id for record in self._before_ask}
        made = [record for record in self._memory() if record.trial_id not in known]
        return made[0] if made else ask()

    def _ask_confirm(self, wanted: list[tuple[str, TrialConfig]]) -> Record | None:
        memory = self._memory()
        for arm, config in wanted:
            if memory.get(config.key) is None:
                study = self.studies.get(self.studies.confirm)
                with self._writing():
                    record = self._start(study.ask(), "confirm", arm, config)
                memory.put(self.studies.confirm, record, proposed=True)
                return record
        return None

    def mend(self) -> None:
        """At start: close trials that died inside their ask; they are in no budget and have no outcome.

        A duplicate that was not told yet is one of them: it will be proposed again.
        """
        patiently(self._mend)

    def _mend(self) -> None:
        self._forget()
        for _, study, trials in self.studies.stored():
            for frozen in trials:
                started = "key" in frozen.user_attrs and "duplicate_of" not in frozen.user_attrs
                if frozen.state == TrialState.RUNNING and not started:
                    with self._writing():
                        self.storage.set_trial_user_attr(frozen._trial_id, "never_started", True)
                        study.tell(frozen.number, state=TrialState.FAIL)

    def begin_attempt(self, record: Record) -> int:
        """Count one more attempt at `record`; its number, 1 for the first.

        An ask counts the first one with its own write, and says by whom it is driven.
        """
        first = self._first_attempts.pop(record.trial_id, None)
        if first is not None:
            return first
        at_once(lambda: self.storage.set_trial_user_attr(record.trial_id, "driver", self.driver))
        number = self._running.count(record, "attempts")
        self._memory().put(self.studies.of(record).study_name, replace(record, driver=self.driver))
        return number

    def count_death(self, record: Record, reported: int) -> int:
        """Count one more death of a worker or node under `record`, or of its memory; how many so far.

        Counted anew after every report, of which `reported` is the last: a trial that gets on may take long
        enough for many nodes to die.
        """
        return self._running.count(record, f"deaths after report {reported}")

    def report(self, record: Record, index: int, value: float) -> bool:
        """Put the value of report `index` (1..R) on record; whether the pruner stops the trial here.

        A report that is made again, after a kill, is answered as it was the first time.

        Raises:
            Away: where the storage is away; to be called again.
        """
        return at_once(lambda: self._running.report(record, index, value))

    def tell(self, record: Record, outcome: Outcome, value: float | None, why: str | None = None) -> Record:
        """End `record`; as it is then. A second time is ignored: a kill may have come after the first.

        Raises:
            Away: where the storage is away; to be called again.
        """
        return at_once(lambda: self._tell(record, outcome, value, why))

    def _tell(self, record: Record, outcome: Outcome, value: float | None, why: str | None) -> Record:
        memory, study = self._memory(), self.studies.of(record)
        known = memory.get(record.key) or record
        if known.running:
            told = value if STATES[outcome] == TrialState.COMPLETE else None
            with self._writing():
                self._running.write_values(record)
                self.storage.set_trial_user_attr(record.trial_id, "outcome", outcome)
                if why:
                    self.storage.set_trial_user_attr(record.trial_id, "why", why)
                study.tell(record.number, told, state=STATES[outcome])
            known = replace(known, outcome=outcome, value=told, why=why or known.why)
            memory.put(study.study_name, known)
        self._running.ended(record)
        return known

    def retry_failed(self) -> list[Record]:
        """Start every failed trial once more, as a new Optuna trial with the same key and parameters."""
        retried = []
        for failed in self.records():
            if failed.outcome == "failed":
                study, stored = self.studies.of(failed), self.storage.get_trial(failed.trial_id)
                study.sampler = fixed_sampler(stored.params)
                with self._writing():
                    trial = study.ask()
                    trial.set_user_attr("retry_of", failed.number)
                    if failed.phase == "search":
                        self.require_plan().suggest(trial, self._arm(failed.arm))
                    attempt = int(stored.user_attrs.get("attempts", 0)) + 1  # no two write in one folder
                    config = failed.trial_config()
                    record = self._start(trial, failed.phase, failed.arm, config, attempt)
                self._memory().put(study.study_name, record)
                retried.append(record)
        return retried

    def _arm(self, name: str) -> Arm:
        return next(arm for arm in self.require_plan().arms() if arm.name == name)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction. Where it raises, nobody knows what is stored: all is read anew."""
        try:
            with one_transaction(self.storage):
                yield
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._records = None
        self._running.forget()
        self.studies.forget()

    def _start(
        self, trial: optuna.Trial, phase: Phase, arm: str, config: TrialConfig, attempt: int = 1
    ) -> Record:
        text = config.model_dump_json()
        trial.set_user_attr("arm", arm)
        trial.set_user_attr("config", text)
        trial.set_user_attr("attempts", attempt)
        trial.set_user_attr("driver", self.driver)
        trial.set_user_attr("key", config.key)
        self._first_attempts[trial._trial_id] = attempt
        return Record(
            config.key,
            phase,
            arm,
            trial.number,
            json.loads(text),
            None,
            None,
            None,
            trial._trial_id,
            self.driver,
        )

    def _tell_duplicate(self, study: optuna.Study, trial: optuna.Trial, original: Record) -> None:
        """Answer a proposal from the record; one whose original still runs teaches the sampler nothing."""
        trial.set_user_attr("duplicate_of", original.number)
        trial.set_user_attr("key", original.key)
        if original.outcome == "complete":
            study.tell(trial, original.value)
        elif original.outcome in ("pruned", "diverged"):
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, state=TrialState.FAIL)

    def _untried(self, arm: Arm, known: set[str]) -> dict[str, Any] | None:
        plan = self.require_plan()
        points = plan.points(arm) or iter(())
        return next((point for point in points if plan.config(arm, point).key not in known), None)
