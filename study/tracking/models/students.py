"""Which students of a study become models in MLflow: the best one of each arm, as `kdstudy export` takes."""

from __future__ import annotations

from study.ledger.records import Record
from study.ledger.study import OpenStudy
from study.planning.request import artifacts_of
from study.selection import BestValidation
from study.storage.attempts import student_folder
from study.trial.prepare import Preparation

__all__ = ["best_student", "best_students", "can_be_written", "logs_models", "preparation_of"]


def logs_models(study: OpenStudy) -> bool:
    """Return whether the study logs models at all."""
    return artifacts_of(study.ledger.require_plan().request) == "all"


def best_students(study: OpenStudy) -> list[Record]:
    """Return the best search trial of each arm that has a complete one, in the order of the arms."""
    best = BestValidation().best_of_arms(r for r in study.ledger.records() if r.phase == "search")
    return [best[arm.name] for arm in study.ledger.require_plan().arms() if arm.name in best]


def best_student(study: OpenStudy) -> Record | None:
    """Return the best search trial of the study; None if no search trial is complete."""
    return BestValidation().best(best_students(study))


def can_be_written(study: OpenStudy, record: Record) -> bool:
    """Return whether the weights of a trial, and what its student began with, are stored: nothing is trained.

    Raises:
        StorageAway: if the study has a mirror, and the mirror does not answer.
    """
    if student_folder(study.trials / record.key, study.store.mirror) is None:
        return False
    return preparation_of(study).has(record.config, ())


def preparation_of(study: OpenStudy) -> Preparation:
    """Return what the trials of the study have in common."""
    plan = study.ledger.require_plan()
    return Preparation(study.store, plan.request["teacher"], full_vocabulary=True)
