"""The ledger: a study's Optuna storage, the only memory of what was asked, is running, and has ended.

One Optuna study per arm (`NAME/search/ARM`), one for the confirm phase (`NAME/confirm`), and a root
(`NAME`) that holds the plan and the study's id. A trial lives through ask -> report ... -> tell, and every
one of these is one committed write, so a new process reads on where a killed one stopped.

A trial's key is set last in an ask: a RUNNING trial without a key died inside its ask and never started.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import optuna
from optuna.pruners import NopPruner
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from study.config import RequestError, TrialConfig
from study.patience import at_once, patiently
from study.plan import Arm, Plan
from study.sampling import decide, fixed_sampler, make_pruner, make_sampler

__all__ = ["Ledger", "Outcome", "Phase", "Record"]

Outcome = Literal["complete", "pruned", "diverged", "failed"]
Phase = Literal["search", "confirm"]

STATES: dict[str, TrialState] = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "diverged": TrialState.PRUNED,  # told as NaN it would be FAIL, which samplers ignore and propose again
    "failed": TrialState.FAIL,
}
POSTGRES = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # s, ms: a host that fell silent is away
NOT_ASKED = {"never_started", "retry_of"}  # trials that a sampler did not propose
MAKING_TABLES = 25  # looks, 0.2 seconds apart, while another process makes the tables
DUPLICATES_IN_A_ROW = 8  # before the next untried point of a finite arm is taken instead


@dataclass(frozen=True)
class Record:
    """One trial as the ledger knows it. `value` is validation macro accuracy; missing until it has ended."""

    key: str
    phase: Phase
    arm: str
    number: int
    config: dict[str, Any]
    outcome: Outcome | None
    value: float | None
    why: str | None
    trial_id: int

    @property
    def running(self) -> bool:
        return self.outcome is None

    def trial_config(self) -> TrialConfig:
        return TrialConfig(**self.config)


class Ledger:
    """The study `name` in the Optuna storage at `url`.

    Raises:
        RequestError: for a storage that cannot be opened.
    """

    def __init__(self, url: str, name: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            self.storage = _open_storage(url)
        except Exception as error:
            first = str(error).splitlines()[0]
            raise RequestError(f"--ledger-url {url}: {type(error).__name__}: {first}") from None
        self.name = name
        self._studies: dict[str, optuna.Study] = {}
        self._plan: Plan | None = None

    @property
    def plan(self) -> Plan | None:
        """The plan on record; none before the first run."""
        if self._plan is None and self.name in optuna.get_all_study_names(self.storage):
            text = self._study(self.name).user_attrs.get("plan")
            self._plan = Plan.model_validate_json(text) if text else None
        return self._plan

    def require_plan(self) -> Plan:
        """The plan on record.

        Raises:
            RequestError: where there is none.
        """
        if self.plan is None:
            raise RequestError(f"{self.name}: was interrupted before its plan was written; run it again")
        return self.plan

    @property
    def study_id(self) -> str:
        """Drawn by the ledger when the study began; names the study in MLflow."""
        return str(self._study(self.name).user_attrs["id"])

    def check(self, plan: Plan) -> None:
        """Raises:
        RequestError: where another space, task or model is on record under this name.
        """
        if self.plan and (changes := list(_changes(self.plan.identity(), plan.identity()))):
            shown = "; ".join(changes)
            raise RequestError(f"study {self.name} was begun otherwise: {shown}; choose another --name")

    def open(self, plan: Plan) -> Plan:
        """Put `plan` on record, or continue the one there with the larger of both budgets.

        Raises:
            RequestError: where another space, task or model is on record under this name.
        """
        return patiently(lambda: self._open(plan))

    def _open(self, plan: Plan) -> Plan:
        self.check(plan)
        if (old := self.plan) is not None:
            larger = {
                b: max(getattr(old.space, b), getattr(plan.space, b)) for b in ("trials", "confirm_seeds")
            }
            # The old space otherwise, because the order of its hyperparameters is in the names of its arms.
            plan = plan.model_copy(update={"space": old.space.model_copy(update=larger)})
        root = self._study(self.name)
        if "id" not in root.user_attrs:
            root.set_user_attr("id", uuid.uuid4().hex)
        if plan != old:
            root.set_user_attr("plan", plan.model_dump_json())
        self._plan = plan
        return plan

    def records(self) -> list[Record]:
        """Every trial with a key, once: of a key that was tried again the newest, duplicates left out."""
        return patiently(self._records)

    def _records(self) -> list[Record]:
        newest: dict[str, Record] = {}
        for phase, _, frozen in self._trials():
            if "key" in frozen.user_attrs and "duplicate_of" not in frozen.user_attrs:
                record = _record(phase, frozen)
                newest[record.key] = record
        return list(newest.values())

    def ask_search(self) -> Record | None:
        """Start the next search trial, in the arm with the fewest started; none when budgets are used up."""
        return self._ask(self._ask_search)

    def _ask_search(self) -> Record | None:
        plan = self.require_plan()
        known = {record.key: record for record in self._records()}
        started = {arm.name: 0 for arm in plan.arms()}
        for record in known.values():
            if record.phase == "search":
                started[record.arm] += 1
        open_arms = [arm for arm in plan.arms() if started[arm.name] < plan.planned(arm)]
        if not open_arms:
            return None
        arm = min(open_arms, key=lambda arm: started[arm.name])
        study = self._study(f"{self.name}/search/{arm.name}")
        for attempt in range(10_000):
            asked = sum(1 for t in study.get_trials(deepcopy=False) if not NOT_ASKED & t.user_attrs.keys())
            study.sampler = make_sampler(plan, arm, asked)
            if attempt >= DUPLICATES_IN_A_ROW and (untried := self._untried(arm, set(known))) is not None:
                study.sampler = fixed_sampler(untried)
            trial = study.ask()
            config = plan.suggest(trial, arm)
            if (original := known.get(config.key)) is None:
                return self._start(study, trial, "search", arm.name, config)
            self._tell_duplicate(study, trial, original)
        raise RuntimeError(f"arm {arm.name}: no new configuration in 10,000 proposals")

    def ask_confirm(self, wanted: list[tuple[str, TrialConfig]]) -> Record | None:
        """Start the first of `wanted`, (arm, configuration), that is not on record; none when all are."""
        return self._ask(lambda: self._ask_confirm(wanted))

    def _ask(self, ask: Callable[[], Record | None]) -> Record | None:
        """`ask()`, again where the storage was away: an ask that had raised may have been committed."""
        known = {record.trial_id for record in self.records()}

        def again() -> Record | None:
            self._mend()
            made = [record for record in self._records() if record.trial_id not in known]
            return made[0] if made else ask()

        return patiently(ask, again)

    def _ask_confirm(self, wanted: list[tuple[str, TrialConfig]]) -> Record | None:
        known = {record.key for record in self._records()}
        study = self._study(f"{self.name}/confirm")
        for arm, config in wanted:
            if config.key not in known:
                return self._start(study, study.ask(), "confirm", arm, config)
        return None

    def mend(self) -> None:
        """At start: close trials that died inside their ask; they are in no budget and have no outcome.

        A duplicate that was not told yet is one of them: it will be proposed again.
        """
        patiently(self._mend)

    def _mend(self) -> None:
        for _, study, frozen in self._trials():
            started = "key" in frozen.user_attrs and "duplicate_of" not in frozen.user_attrs
            if frozen.state == TrialState.RUNNING and not started:
                self.storage.set_trial_user_attr(frozen._trial_id, "never_started", True)
                study.tell(frozen.number, state=TrialState.FAIL)

    def begin_attempt(self, record: Record) -> int:
        """Count one more attempt at `record`; its number, 1 for the first."""
        return self._count(record, "attempts")

    def count_death(self, record: Record) -> int:
        """Count one more death of a worker or node under `record`, or of its memory; how many so far."""
        return self._count(record, "deaths")

    def report(self, record: Record, index: int, value: float) -> bool:
        """Put the value of report `index` (1..R) on record; whether the pruner stops the trial here.

        A report that is made again, after a kill, is answered as it was the first time. For that, the
        decision is written before the marks that a halving pruner leaves while it decides: with a mark but
        no decision, the trial would count as promoted.

        Raises:
            Away: where the storage is away; to be called again.
        """
        return at_once(lambda: self._report(record, index, value))

    def _report(self, record: Record, index: int, value: float) -> bool:
        known = self.storage.get_trial(record.trial_id)
        if index not in known.intermediate_values:
            self.storage.set_trial_intermediate_value(record.trial_id, index, value)
        study = self._study_of(record)
        if record.phase == "confirm" or isinstance(study.pruner, NopPruner):
            return False
        decision = known.user_attrs.get(f"decision {index}")
        if decision is None:
            decision = decide(study, self.storage.get_trial(record.trial_id))
            self.storage.set_trial_user_attr(record.trial_id, f"decision {index}", decision)
        for mark, at in decision["marks"].items():
            self.storage.set_trial_system_attr(record.trial_id, mark, at)
        return bool(decision["stop"])

    def tell(self, record: Record, outcome: Outcome, value: float | None, why: str | None = None) -> None:
        """End `record`. A second time is ignored: a kill may have come between this and what follows.

        Raises:
            Away: where the storage is away; to be called again.
        """
        at_once(lambda: self._tell(record, outcome, value, why))

    def _tell(self, record: Record, outcome: Outcome, value: float | None, why: str | None) -> None:
        frozen = self.storage.get_trial(record.trial_id)
        if frozen.state.is_finished():
            return
        self.storage.set_trial_user_attr(record.trial_id, "outcome", outcome)
        if why:
            self.storage.set_trial_user_attr(record.trial_id, "why", why)
        told = value if STATES[outcome] == TrialState.COMPLETE else None
        self._study_of(record).tell(record.number, told, state=STATES[outcome])

    def retry_failed(self) -> list[Record]:
        """Start every failed trial once more, as a new Optuna trial with the same key and parameters."""
        retried = []
        for record in self.records():
            if record.outcome == "failed":
                study = self._study_of(record)
                study.sampler = fixed_sampler(self.storage.get_trial(record.trial_id).params)
                trial = study.ask()
                trial.set_user_attr("retry_of", record.number)
                attempts = self.storage.get_trial(record.trial_id).user_attrs.get("attempts", 0)
                trial.set_user_attr("attempts", attempts)  # they share a folder, and no two write one
                if record.phase == "search":
                    self.require_plan().suggest(trial, self._arm(record.arm))
                retried.append(self._start(study, trial, record.phase, record.arm, record.trial_config()))
        return retried

    def _arm(self, name: str) -> Arm:
        return next(arm for arm in self.require_plan().arms() if arm.name == name)

    def _count(self, record: Record, what: str) -> int:
        known = patiently(lambda: self.storage.get_trial(record.trial_id))
        number = int(known.user_attrs.get(what, 0)) + 1
        patiently(lambda: self.storage.set_trial_user_attr(record.trial_id, what, number))
        return number

    def _start(
        self, study: optuna.Study, trial: optuna.Trial, phase: Phase, arm: str, config: TrialConfig
    ) -> Record:
        trial.set_user_attr("arm", arm)
        trial.set_user_attr("config", config.model_dump_json())
        trial.set_user_attr("key", config.key)
        return _record(phase, self.storage.get_trial(trial._trial_id))

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

    def _study_of(self, record: Record) -> optuna.Study:
        if record.phase == "confirm":
            return self._study(f"{self.name}/confirm")
        return self._study(f"{self.name}/search/{record.arm}")

    def _study(self, name: str) -> optuna.Study:
        """The Optuna study `name`, made if it is not there. Its sampler is set anew for every ask."""
        if name not in self._studies:
            self._studies[name] = optuna.create_study(
                storage=self.storage,
                study_name=name,
                direction="maximize",
                sampler=RandomSampler(seed=0),
                pruner=make_pruner(self._plan) if self._plan else None,
                load_if_exists=True,
            )
        return self._studies[name]

    def _trials(self) -> Iterator[tuple[Phase, optuna.Study, FrozenTrial]]:
        there = set(optuna.get_all_study_names(self.storage))
        names: list[tuple[Phase, str]] = [
            ("search", f"{self.name}/search/{arm.name}") for arm in self.require_plan().arms()
        ]
        for phase, name in [*names, ("confirm", f"{self.name}/confirm")]:
            if name in there:
                study = self._study(name)
                for frozen in study.get_trials(deepcopy=False):
                    yield phase, study, frozen  # type: ignore[misc]


def _open_storage(url: str) -> RDBStorage:
    """The storage at `url`, its tables made first. Of two processes that make them at once, one is told
    that they are there (a `status` may come in the moment in which a study begins): it looks again.
    """
    engine = {"connect_args": POSTGRES} if url.startswith("postgresql") else None
    for _ in range(MAKING_TABLES):
        try:
            return RDBStorage(url, engine)
        except Exception as error:
            if not any(
                sign in str(error) for sign in ("already exists", "UNIQUE constraint", "duplicate key")
            ):
                raise
        time.sleep(0.2)
    return RDBStorage(url, engine)


def _record(phase: Phase, frozen: FrozenTrial) -> Record:
    attributes = frozen.user_attrs
    finished = frozen.state.is_finished()
    return Record(
        key=attributes["key"],
        phase=phase,
        arm=attributes["arm"],
        number=frozen.number,
        config=json.loads(attributes["config"]),
        outcome=attributes.get("outcome", "failed") if finished else None,
        value=frozen.value if frozen.state == TrialState.COMPLETE else None,
        why=attributes.get("why"),
        trial_id=frozen._trial_id,
    )


def _changes(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Leaves that differ, as `where: old, now new`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from _changes(old.get(name), new.get(name), f"{where}.{name}" if where else name)
    elif old != new:
        yield f"{where}: {_short(old)}, now {_short(new)}"


def _short(value: Any) -> str:
    text = str(value)
    return text[:12] + "..." if len(text) == 64 else text
