"""The next trial of a study: proposed by the sampler of an arm, wanted as a confirm run, or tried again.

Arms are served in turn: the next search trial starts in the arm (and tuning) with the fewest trials, so that
arms always have nearly equal budgets. A proposal whose key has a record already is a duplicate: it is
answered from the record, and the sampler proposes again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import optuna
from optuna.trial import TrialState

from study.ledger.book import Book
from study.ledger.patience import at_once, patiently
from study.ledger.records import Phase, Record, Records, State, Wanted
from study.ledger.running import RunningTrials
from study.ledger.sampling import fixed_sampler, make_sampler
from study.planning.plan import Arm, Plan

__all__ = ["Proposals"]

DUPLICATES_IN_A_ROW = 8  # after so many, the next untried point of an arm without ranges is taken
MOST_PROPOSALS = 10_000  # for one trial


class Proposals:
    """Starts the trials of the study in `book`, and announces each of them to `running`."""

    def __init__(self, book: Book, running: RunningTrials) -> None:
        self.book, self.studies, self.running = book, book.studies, running
        self.driver = ""
        """Who starts the trials: stored with each of them."""
        self._budgets: dict[tuple[int, Arm], int] | None = None  # of each arm in each tuning
        self._before: Records | None = None  # the records before an ask that has not returned

    def new_budgets(self) -> None:
        """Read the budgets of the arms again: the plan has changed."""
        self._budgets = None

    def ask_search(self) -> Record | None:
        """Start the next search trial; returns None if every arm has used its budget.

        Raises:
            Away: if the database does not answer; the caller then calls again.
        """
        return self._ask(self._search)

    def ask_confirm(self, wanted: list[Wanted]) -> Record | None:
        """Start the first of the `wanted` confirm runs that has no record; None if all have one.

        Raises:
            Away: if the database does not answer; the caller then calls again.
        """
        return self._ask(lambda: self._confirm(wanted))

    def retry_failed(self) -> list[Record]:
        """Start every failed trial again, as a new Optuna trial with the same key and parameters.

        Waits while the database is away.

        Raises:
            StudyStopped: if the database is away for long, or broken.
        """
        records = patiently(self.book.records)
        failed = [record.key for record in records if record.outcome == State.FAILED]
        return [patiently(partial(self._retry, key)) for key in failed]

    def _ask(self, ask: Callable[[], Record | None]) -> Record | None:
        """Return `ask()`.

        An ask that raised may have been committed all the same. Then the next call returns the trial that the
        first call started.
        """
        record = at_once(lambda: self._first_try(ask) if self._before is None else self._next_try(ask))
        self._before = None
        return record

    def _first_try(self, ask: Callable[[], Record | None]) -> Record | None:
        self._before = self.book.records()  # an ask that raises does not change these
        return ask()

    def _next_try(self, ask: Callable[[], Record | None]) -> Record | None:
        assert self._before is not None
        self.close_unstarted()
        known = {record.trial_id for record in self._before}
        started = [record for record in self.book.records() if record.trial_id not in known]
        return started[0] if started else ask()

    def close_unstarted(self) -> None:
        """Read the database again, and close trials whose ask was interrupted.

        Such a trial counts in no budget and has no outcome. A duplicate whose end was not written is closed
        too: the sampler will propose the duplicate again.
        """
        self.book.forget()
        for _, study, trials in self.studies.stored():
            for frozen in trials:
                started = "key" in frozen.user_attrs and "duplicate_of" not in frozen.user_attrs
                if frozen.state == TrialState.RUNNING and not started:
                    with self.book.writing():
                        self.book.storage.set_trial_user_attr(frozen._trial_id, "never_started", True)
                        study.tell(frozen.number, state=TrialState.FAIL)

    def _search(self) -> Record | None:
        records = self.book.records()
        plan = self.studies.require_plan()
        if self._budgets is None:
            self._budgets = {
                (tuning, arm): of_tuning.planned(arm)
                for tuning, of_tuning in enumerate(plan.each_tuning())
                for arm in plan.arms()
            }
        started = {
            (tuning, arm): records.started(self.studies.search(arm.name, tuning))
            for tuning, arm in self._budgets
        }
        with_budget = [search for search, budget in self._budgets.items() if started[search] < budget]
        if not with_budget:
            return None
        tuning, arm = min(with_budget, key=lambda search: started[search])
        for attempt in range(MOST_PROPOSALS):
            of_tuning = plan.each_tuning()[tuning]
            untried = _untried(of_tuning, arm, records.keys()) if attempt >= DUPLICATES_IN_A_ROW else None
            if (record := self._propose(arm, tuning, untried)) is not None:
                return record
        raise RuntimeError(f"arm {arm.name}: no new configuration in {MOST_PROPOSALS} proposals")

    def _propose(self, arm: Arm, tuning: int, point: dict[str, Any] | None) -> Record | None:
        """Start `point`, or else what the sampler of `arm` proposes; returns None for a duplicate."""
        plan = self.studies.require_plan().each_tuning()[tuning]
        records, name = self.book.records(), self.studies.search(arm.name, tuning)
        study = self.studies.get(name)
        study.sampler = fixed_sampler(point) if point else make_sampler(plan, arm, records.proposed(name))
        with self.book.writing():
            trial = study.ask()
            config = plan.suggest(trial, arm, records.proposed(name))
            if (original := records.get(config.key)) is None:
                record = self._start(trial, "search", Wanted(arm.name, config, tuning))
            else:
                _tell_duplicate(study, trial, original)
        if original is not None:
            records.put_duplicate(name)
            return None
        records.put(name, record, proposed=True)
        return record

    def _confirm(self, wanted: list[Wanted]) -> Record | None:
        records = self.book.records()
        for one in wanted:
            if records.get(one.config.key) is None:
                study = self.studies.get(self.studies.confirm)
                with self.book.writing():
                    record = self._start(study.ask(), "confirm", one)
                records.put(self.studies.confirm, record, proposed=True)
                return record
        return None

    def _retry(self, key: str) -> Record:
        """Start the failed trial `key` again; returns the new record, also if this is called again."""
        failed = self.book.records().get(key)
        assert failed is not None, "it was read from the same records"
        if failed.outcome != State.FAILED:  # an earlier call was committed, although it raised
            return failed
        study, stored = self.studies.of(failed), self.book.storage.get_trial(failed.trial_id)
        study.sampler = fixed_sampler(stored.params)
        with self.book.writing():
            trial = study.ask()
            trial.set_user_attr("retry_of", failed.number)
            if failed.phase == "search":
                plan = self.studies.require_plan().each_tuning()[failed.tuning]
                plan.suggest(trial, next(arm for arm in plan.arms() if arm.name == failed.arm))
            attempt = int(stored.user_attrs.get("attempts", 0)) + 1  # each attempt has a folder of its own
            again = Wanted(failed.arm, failed.config, failed.tuning, failed.choice)
            record = self._start(trial, failed.phase, again, attempt)
        self.book.records().put(study.study_name, record)
        return record

    def _start(self, trial: optuna.Trial, phase: Phase, wanted: Wanted, attempt: int = 1) -> Record:
        """Write what makes `trial` a started trial. The key comes last: without a key, none has started."""
        config = wanted.config
        trial.set_user_attr("arm", wanted.arm)
        if wanted.tuning:
            trial.set_user_attr("tuning", wanted.tuning)
        if wanted.choice is not None:
            trial.set_user_attr("choice", wanted.choice._asdict())
        trial.set_user_attr("config", config.model_dump_json())
        trial.set_user_attr("attempts", attempt)
        trial.set_user_attr("driver", self.driver)
        trial.set_user_attr("key", config.key)
        self.running.started(trial._trial_id, attempt)
        return Record(
            key=config.key,
            phase=phase,
            arm=wanted.arm,
            number=trial.number,
            config=config,
            outcome=None,
            value=None,
            why=None,
            trial_id=trial._trial_id,
            driver=self.driver,
            tuning=wanted.tuning,
            choice=wanted.choice,
        )


def _untried(plan: Plan, arm: Arm, known: set[str]) -> dict[str, Any] | None:
    """Return the first point of `arm` whose key is not `known`.

    Returns None if all keys are known, or if `arm` searches a range.
    """
    points = plan.points(arm) or iter(())
    return next((point for point in points if plan.config(arm, point).key not in known), None)


def _tell_duplicate(study: optuna.Study, trial: optuna.Trial, original: Record) -> None:
    """End the duplicate `trial` as its original ended.

    An original that still runs teaches the sampler nothing: the duplicate then counts as failed in Optuna.
    """
    trial.set_user_attr("duplicate_of", original.number)
    trial.set_user_attr("key", original.key)
    if original.outcome == State.COMPLETE and original.value is not None:
        study.tell(trial, [original.value, *original.costs])
    elif original.outcome in (State.PRUNED, State.DIVERGED):
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, state=TrialState.FAIL)
