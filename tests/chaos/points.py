"""The fault points: every step of the protocol, before or after which a driver or a worker is killed.

`faults/sitecustomize.py` plants one of them in the processes of a study; `Points` says which comes next.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["POINTS", "WHEN", "WORKER", "Fault", "Point", "Points"]

Reached = Literal["empty", "beginning", "preparing", "running"]
WHEN = ("before", "after")
DRIVER, WORKER = "kdstudy", "default_worker.py"


@dataclass(frozen=True)
class Point:
    """A function, `module:name` or `module:Class.name`, one of whose calls 1..`counts` a process dies at.

    reached: where in a study's life it is called: with an empty home, at a study's first start, while model
    and teacher are prepared, or while trials run. stopping: only by a study that was told to stop.
    file: calls on a path of this name alone count. Of a context manager the end counts, not the call.
    """

    target: str
    counts: int = 4
    reached: Reached = "running"
    program: str = DRIVER
    stopping: bool = False
    file: str = ""


MODEL = "transformers.modeling_utils:PreTrainedModel"
STORAGE, CLIENT = "optuna.storages._rdb.storage:RDBStorage", "mlflow.tracking.client:MlflowClient"
MEMORY = "study.ledger.memory:Remembered"
POINTS = {
    "study.json": Point("study.home:Home.begin", 1, "beginning"),
    "lease: taken": Point("study.ledger.lease:Lease._take", 1),
    "lease: given back": Point("study.ledger.lease:Lease.__exit__", 1, stopping=True),
    "ledger: study made": Point(f"{STORAGE}.create_new_study", 3, "beginning"),
    "ledger: id, plan": Point(f"{STORAGE}.set_study_user_attr", 2, "beginning"),
    "ledger: transaction": Point("study.ledger.book:one_transaction", 8),
    "database: commit": Point("sqlalchemy.engine.default:DefaultDialect.do_commit", 60),
    "ask: trial made": Point(f"{MEMORY}.create_new_trial"),
    "ask: parameter": Point(f"{MEMORY}.set_trial_param"),
    "ledger: attribute": Point(f"{MEMORY}.set_trial_user_attr", 12),
    "report: value": Point(f"{MEMORY}.set_trial_intermediate_value"),
    "pruner: decision": Point("study.ledger.running:decide"),
    "pruner: within its decision": Point("study.ledger.sampling:_Marks.set_trial_system_attr"),
    "pruner: mark": Point(f"{MEMORY}.set_trial_system_attr"),
    "tell: state": Point(f"{MEMORY}.set_trial_state_values"),
    "tell: rows": Point("study.ledger.rows:Rows.write", 8),
    "journal line": Point("study.tracking.journal:Journal.add"),
    "MLflow: experiment": Point(f"{CLIENT}.create_experiment", 1, "beginning"),
    "MLflow: run made": Point(f"{CLIENT}.create_run"),
    "MLflow: batch": Point(f"{CLIENT}.log_batch"),
    "MLflow: status": Point(f"{CLIENT}.update_run", 3, stopping=True),
    "MLflow: run closed": Point(f"{CLIENT}.set_terminated"),
    "MLflow: jobs together": Point("study.tracking.grouped:GroupedStore.together", 1),
    "unsent mark": Point("pathlib:Path.touch", file="unsent"),
    "unsent mark gone": Point("pathlib:Path.unlink", file="unsent"),
    "tidy": Point("study.driver.lifecycle:tidy_trial"),
    "task placed": Point("study.storage.artifacts:_place", 1, "empty"),
    "worker: artifact placed": Point("study.storage.artifacts:_place", 2, "preparing", WORKER),
    "worker: teacher's checkpoint": Point("study.trial.training:Training.save", 10, "preparing", WORKER),
    "worker: checkpoint": Point("study.trial.training:Training.save", program=WORKER),
    "worker: student": Point(f"{MODEL}.save_pretrained", 2, program=WORKER),
    "worker: result": Point("study.trial.trial:write_ending", 2, program=WORKER),
}


@dataclass(frozen=True)
class Fault:
    """A kill at the `count`-th call of the point called `name`, `when`: before it or after it."""

    name: str
    when: str
    count: int

    @property
    def point(self) -> Point:
        return POINTS[self.name]

    def __str__(self) -> str:
        return f"{self.name}, {self.when}"


@dataclass
class Points:
    """Every point, before and after, in an order of this seed's own; shared by the studies of a campaign.

    only: how the names of the points begin that are wanted, where it is not all.
    """

    draw: random.Random
    only: str = ""
    fired: Counter[Fault] = field(default_factory=Counter)
    _waiting: list[tuple[str, str]] = field(default_factory=list)

    def next(self, reached: Collection[str], workers_too: bool = True) -> Fault:
        """One that can be reached, those first that seldom can."""
        for stage in ("empty", "beginning", "preparing", "running"):
            there = [each for each in self._waiting if POINTS[each[0]].reached == stage]
            if not there and stage == "running":  # all have had their turn
                every = [(n, w) for n, point in POINTS.items() if point.reached == stage for w in WHEN]
                every = [each for each in every if each in self.wanted()] or every
                there = self.draw.sample(every, len(every))
                self._waiting += there
            if not workers_too:
                there = [each for each in there if POINTS[each[0]].program != WORKER]
            if stage in reached and there:
                self._waiting.remove(there[0])
                return Fault(*there[0], self.draw.randint(1, POINTS[there[0][0]].counts))
        raise AssertionError(f"no point is reached by a study that is {reached}")

    def __post_init__(self) -> None:
        every = self.wanted()
        self._waiting = self.draw.sample(every, len(every))

    def wanted(self) -> list[tuple[str, str]]:
        return [(name, when) for name in POINTS if name.startswith(self.only) for when in WHEN]

    def put_back(self, fault: Fault) -> None:
        """It did not fire: it comes again, after the others."""
        self._waiting.append((fault.name, fault.when))

    def never_fired(self) -> list[str]:
        have = {(fault.name, fault.when) for fault in self.fired}
        return [f"{name}, {when}" for name, when in self.wanted() if (name, when) not in have]

    def table(self) -> str:
        """Point x before/after x count -> how many processes died there."""
        lines = []
        for name, when in self.wanted():
            here = {f.count: n for f, n in self.fired.items() if (f.name, f.when) == (name, when)}
            counts = "  ".join(f"{n} at call {count}" for count, n in sorted(here.items())) or "never"
            lines.append(f"{sum(here.values()):5d}  {name}, {when}: {counts}")
        return "\n".join(lines)
