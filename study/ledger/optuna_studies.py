"""The Optuna studies that a study consists of, and the plan on record at their root.

`NAME` is the root, which holds the plan and the study's id. Each arm has `NAME/search/ARM` (and
`NAME/search/ARM/tuning K` for its second and later tunings), and the confirm phase has `NAME/confirm`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Literal

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial

from study.errors import RequestError
from study.ledger.memory import Remembered
from study.ledger.records import Phase, Record
from study.ledger.sampling import make_pruner
from study.planning.plan import Plan

__all__ = ["OptunaStudies"]


class OptunaStudies:
    """The Optuna studies of the study `name` in `storage`."""

    def __init__(self, storage: Remembered, name: str) -> None:
        self.storage, self.name = storage, name
        self._opened: dict[str, optuna.Study] = {}
        self._plan: Plan | None = None

    def search(self, arm: str, tuning: int = 0) -> str:
        """Return the name of the Optuna study that searches `arm` in `tuning` (from 0)."""
        return f"{self.name}/search/{arm}" + (f"/tuning {tuning}" if tuning else "")

    def searches(self) -> list[str]:
        """Return the names of all Optuna studies that search: tuning by tuning, arm by arm.

        Raises:
            RequestError: if there is no plan on record.
        """
        plan = self.require_plan()
        return [self.search(arm.name, tuning) for tuning in range(plan.tunings) for arm in plan.arms()]

    @property
    def confirm(self) -> str:
        """The name of the Optuna study of the confirm runs."""
        return f"{self.name}/confirm"

    def of(self, record: Record) -> optuna.Study:
        """Return the Optuna study that `record` is in."""
        return self.get(self.confirm if record.phase == "confirm" else self.search(record.arm, record.tuning))

    def get(self, name: str) -> optuna.Study:
        """Return the Optuna study `name`, which is made if it is missing. Every ask sets the sampler."""
        if name not in self._opened:
            if name not in optuna.get_all_study_names(
                self.storage
            ):  # for a study that exists, create_study would write too
                optuna.create_study(
                    storage=self.storage,
                    study_name=name,
                    directions=self._directions(name),
                    load_if_exists=True,
                )
            self._opened[name] = optuna.load_study(
                storage=self.storage,
                study_name=name,
                sampler=RandomSampler(seed=0),
                pruner=make_pruner(self._plan) if self._plan else None,
            )
        return self._opened[name]

    def _directions(self, name: str) -> list[Literal["minimize", "maximize"]]:
        """Return the directions of the Optuna study `name`: of the score, and of the costs if it searches."""
        searches = name not in (self.name, self.confirm)
        costs = self._plan.space.costs if searches and self._plan else ()
        low: Literal["minimize"] = "minimize"
        return ["maximize", *(low for _ in costs)]

    def stored(self) -> Iterator[tuple[Phase, optuna.Study, list[FrozenTrial]]]:
        """Yield every Optuna study of arms and confirm runs that exists: phase, study, its stored trials.

        Raises:
            RequestError: if there is no plan on record.
        """
        there = set(optuna.get_all_study_names(self.storage))
        names: list[tuple[Phase, str]] = [("search", name) for name in self.searches()]
        for phase, name in [*names, ("confirm", self.confirm)]:
            if name in there:
                study = self.get(name)
                yield phase, study, study.get_trials(deepcopy=False)

    def forget(self) -> None:
        """Open all Optuna studies again at their next use, because they keep trials in memory."""
        self._opened.clear()

    @property
    def plan(self) -> Plan | None:
        """The plan on record; None before the first run."""
        if self._plan is None and self.name in optuna.get_all_study_names(self.storage):
            text = self.get(self.name).user_attrs.get("plan")
            self._plan = Plan.model_validate_json(text) if text else None
        return self._plan

    def require_plan(self) -> Plan:
        """Return the plan on record.

        Raises:
            RequestError: if there is none.
        """
        if self.plan is None:
            raise RequestError(f"{self.name}: was interrupted before its plan was written; run it again")
        return self.plan

    @property
    def id(self) -> str:
        """The study's id, drawn at random when the study began."""
        return str(self.get(self.name).user_attrs["id"])

    def check(self, plan: Plan) -> None:
        """Check that `plan` continues the plan on record, if there is one.

        Raises:
            RequestError: if another space, task, model or seed block, or more tunings, are on record under
                this name; the text shows all differences.
        """
        if self.plan is None:
            return
        if "tunings" in plan.exact and plan.tunings < self.plan.tunings:
            were = f"study {self.name} was begun with {self.plan.tunings} tunings"
            raise RequestError(f"{were}: --tunings may be more, not {plan.tunings}")
        if changes := list(_changes(self.plan.identity(), plan.following(self.plan).identity())):
            shown = "; ".join(changes)
            raise RequestError(f"study {self.name} was begun otherwise: {shown}; choose another --name")

    def put(self, plan: Plan) -> None:
        """Store `plan`, or its continuation of the stored plan (`Plan.continuing`).

        Raises:
            RequestError: if another space, task or model is on record under this name.
        """
        self.check(plan)
        if (old := self.plan) is not None:
            plan = plan.continuing(old)
        root = self.get(self.name)
        if "id" not in root.user_attrs:
            root.set_user_attr("id", uuid.uuid4().hex)
        if plan != old:
            root.set_user_attr("plan", plan.model_dump_json())
        self._plan = plan


def _changes(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Yield the values that differ in two nested dictionaries, as `where: old, now new`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from _changes(old.get(name), new.get(name), f"{where}.{name}" if where else name)
    elif old != new:
        yield f"{where}: {_short(old)}, now {_short(new)}"


def _short(value: Any) -> str:
    text = str(value)
    return text[:12] + "..." if len(text) == 64 else text
