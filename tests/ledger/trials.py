"""Trials of a ledger under test: asked, wanted as confirm runs, and as Optuna stores them."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.trial import TrialState

from study.ledger.ledger import Ledger
from study.ledger.records import Record, Wanted
from study.planning.plan import Plan

__all__ = ["ARMS", "ask", "optuna_study", "states", "wanted"]

ARMS: dict[str, Any] = {"scientific": {"init": ("random", "base", "teacher")}}


def ask(ledger: Ledger) -> Record:
    record = ledger.ask_search()
    assert record is not None
    return record


def states(ledger: Ledger, study: str = "search/all") -> list[TrialState]:
    return [t.state for t in optuna_study(ledger, study).trials]


def optuna_study(ledger: Ledger, study: str = "search/all") -> optuna.Study:
    return optuna.load_study(study_name=f"{ledger.studies.name}/{study}", storage=ledger.storage)


def wanted(plan: Plan, seeds: int = 2) -> list[Wanted]:
    """Return confirm runs of every arm, all at one learning rate."""
    return [
        Wanted(arm.name, plan.config(arm, {"learning_rate": 1e-3}, seed))
        for seed in range(1, seeds + 1)
        for arm in plan.arms()
    ]
