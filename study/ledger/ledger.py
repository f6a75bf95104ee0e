"""The ledger: a study's Optuna storage, which decides which trials were asked, run, or have ended.

A study has one Optuna study per arm (`NAME/search/ARM`), one for the confirm phase (`NAME/confirm`), and a
root (`NAME`) that holds the plan and the study's id. A trial goes through ask -> report ... -> tell. Each of
these steps is one transaction, so a new process goes on where a killed process stopped.

An ask writes the trial's key last: a RUNNING trial without a key was interrupted within its ask, and never
started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optuna.trial import TrialState

from study.ledger.book import Book
from study.ledger.database import open_storage
from study.ledger.memory import Remembered
from study.ledger.patience import at_once, patiently
from study.ledger.proposals import Proposals
from study.ledger.records import Record, State, Wanted
from study.ledger.running import RunningTrials
from study.planning.plan import Plan

__all__ = ["End", "Ledger"]

OPTUNA_STATES = {
    State.COMPLETE: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
    State.DIVERGED: TrialState.PRUNED,  # NaN would be FAIL, which samplers ignore and propose again
    State.FAILED: TrialState.FAIL,
}


@dataclass(frozen=True)
class End:
    """How a trial ended: its outcome, and the value of a complete trial.

    mlflow_run: the id of the trial's run in MLflow, for people who read the ledger with Optuna; None if it is
    not known. costs: of a complete search trial, in the order of the plan's costs.
    """

    record: Record
    outcome: State
    value: float | None
    why: str | None = None
    mlflow_run: str | None = None
    costs: tuple[float, ...] = ()


class Ledger:
    """The study `name` in the Optuna storage at `url`.

    The ledger keeps in memory what it has read and written. So a ledger is for a short look, or for the
    driver that holds the lease, because nobody else writes. `mend` reads the database again.

    waits: wait for a database server that does not answer now, because a study goes on there. called: the
    words for the storage in errors; the default is the option.

    Raises:
        RequestError: if the storage cannot be opened.
        StudyStopped: if the disk is full, or a server has been away for long.
    """

    def __init__(self, url: str, name: str, waits: bool = False, called: str = "") -> None:
        self.storage = Remembered(open_storage(url, waits, called))
        self._book = Book(self.storage, name)
        self.studies = self._book.studies
        self._running = RunningTrials(self._book)
        self._proposals = Proposals(self._book, self._running)

    @property
    def driver(self) -> str:
        """Who drives the study: the holder of the lease. The ledger stores the driver with each trial."""
        return self._proposals.driver

    @driver.setter
    def driver(self, holder: str) -> None:
        self._proposals.driver = holder

    @property
    def plan(self) -> Plan | None:
        """The plan on record; None before the first run."""
        return self.studies.plan

    def require_plan(self) -> Plan:
        """Return the plan on record.

        Raises:
            RequestError: if there is none.
        """
        return self.studies.require_plan()

    @property
    def study_id(self) -> str:
        """The id that the ledger drew when the study began. The id names the study in MLflow."""
        return self.studies.id

    def check(self, plan: Plan) -> None:
        """Check that `plan` continues the plan on record, if there is one.

        Raises:
            RequestError: if another space, task or model is on record under this name.
        """
        self.studies.check(plan)

    def open(self, plan: Plan) -> Plan:
        """Store `plan`, or its continuation of the stored plan (`Plan.continuing`).

        Returns the plan that is on record then.

        Raises:
            RequestError: if another space, task or model is on record under this name.
        """
        patiently(lambda: self.studies.put(plan))
        self._proposals.new_budgets()
        self._book.forget()
        return self.require_plan()

    def records(self) -> list[Record]:
        """Return one record for every key, without duplicates; for a key that was tried again, the newest."""
        return list(patiently(self._book.records))

    def mend(self) -> None:
        """Read the database again, and close trials that were interrupted within their ask."""
        patiently(self._proposals.close_unstarted)

    def ask_search(self) -> Record | None:
        """Start the next search trial, in the arm with the fewest trials; None if all budgets are used.

        Raises:
            Away: if the database does not answer; the caller then calls again.
        """
        return self._proposals.ask_search()

    def ask_confirm(self, wanted: list[Wanted]) -> Record | None:
        """Start the first of the `wanted` confirm runs that has no record; None if all have one.

        Raises:
            Away: if the database does not answer; the caller then calls again.
        """
        return self._proposals.ask_confirm(wanted)

    def retry_failed(self) -> list[Record]:
        """Start every failed trial again, as a new Optuna trial with the same key and parameters.

        Waits while the database is away.
        """
        return self._proposals.retry_failed()

    def begin_attempt(self, record: Record) -> int:
        """Count one more attempt at `record`, and store who drives; returns the attempt's number, from 1.

        For the first attempt the ask has stored both already.

        Raises:
            Away: if the database does not answer; the caller then calls again.
        """
        first = self._running.first_attempt(record)
        if first is not None:
            return first

        def drives() -> None:
            with self._book.writing():
                self.storage.set_trial_user_attr(record.trial_id, "driver", self.driver)

        at_once(drives)
        number = self._running.count(record, "attempts")
        self._put(replace(record, driver=self.driver))
        return number

    def count_death(self, record: Record, reported: int) -> int:
        """Count one more death of a worker or a node that ran `record`; returns how many there were.

        Running out of memory counts as a death. The count starts again after every report (`reported` is the
        number of the last report): a trial that makes progress may run long enough for many nodes to die.

        Raises:
            Away: if the database does not answer; the caller then calls again.
        """
        return self._running.count(record, f"deaths after report {reported}")

    def report(self, record: Record, index: int, value: float) -> bool:
        """Store the value of report `index` (1..R); returns whether the pruner stops the trial here.

        A report that is made again, after a kill, gets the same answer as the first time.

        Raises:
            Away: if the database does not answer; the caller then calls again.
        """
        return at_once(lambda: self._running.report(record, index, value))

    def tell(
        self,
        record: Record,
        outcome: State,
        value: float | None,
        why: str | None = None,
        mlflow_run: str | None = None,
        costs: Sequence[float] = (),
    ) -> Record:
        """End `record`; returns the record of the ended trial. See `End` and `tell_all`."""
        return self.tell_all([End(record, outcome, value, why, mlflow_run, tuple(costs))])[0]

    def tell_all(self, ends: Sequence[End]) -> list[Record]:
        """End several trials in one transaction; returns the records of the ended trials.

        A second call changes nothing: a kill may have come right after the first.

        Raises:
            Away: if the database does not answer; the caller then calls again.
        """
        return at_once(lambda: self._tell_all(ends))

    def _tell_all(self, ends: Sequence[End]) -> list[Record]:
        with self._book.writing():
            ended = [self._tell(end) for end in ends]
        for record in ended:
            self._put(record)
            self._running.ended(record)
        return ended

    def _tell(self, end: End) -> Record:
        record, outcome = end.record, end.outcome
        known = self._book.records().get(record.key) or record
        if not known.running:
            return known
        state = OPTUNA_STATES[outcome]
        told = [end.value, *end.costs] if state == TrialState.COMPLETE and end.value is not None else None
        self._running.write_values(record)
        attributes = {"outcome": outcome, "why": end.why, "mlflow_run_id": end.mlflow_run}
        for name, attribute in attributes.items():
            if attribute:
                self.storage.set_trial_user_attr(record.trial_id, name, attribute)
        self.studies.of(record).tell(record.number, told, state=state)
        value = told[0] if told else None
        return replace(known, outcome=State(outcome), value=value, why=end.why or known.why, costs=end.costs)

    def _put(self, record: Record) -> None:
        self._book.records().put(self.studies.of(record).study_name, record)
