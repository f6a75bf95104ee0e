"""The report's numbers in MLflow: the means of arms in the arms' runs, the effects in the study's run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.errors import RequestError, StudyStopped

if TYPE_CHECKING:
    from study.home import Home

__all__ = ["publish", "publish_if_old"]


def publish(home: Home, name: str) -> None:
    """Let MLflow's runs of the study `name` show the numbers of its report.

    Nothing happens if another process drives the study, because its driver is the only writer, if MLflow is
    away, or if this user may not write: the next call makes up for it.
    """
    from analysis.record.study_record import read_study
    from analysis.verdict.published import numbers_of_arms, numbers_of_study
    from analysis.verdict.results import Results
    from study.tracking.sync import publish_numbers

    try:
        results = Results(read_study(home.urls(name)["tracking_uri"], name))
        publish_numbers(home, name, numbers_of_arms(results), numbers_of_study(results))
    except (RequestError, StudyStopped, PermissionError):
        return


def publish_if_old(home: Home, name: str) -> None:
    """Let MLflow show all of a study of an older version, which has no views; change no other study.

    A study that is recorded elsewhere, or whose task is not in the home, is left as it is.
    """
    from study.ledger.study import OpenStudy
    from study.tracking.page.links import recorded_studies

    if name not in home.studies() or home.urls(name)["tracking_uri"] != home.tracking_uri:
        return
    _, views = recorded_studies(home.database).get(name, ("", True))
    if views:
        return
    try:
        study = OpenStudy.at(home, name, looks=True)
        if study.store.has("tasks", study.ledger.require_plan().constants["task"]):
            from study.tracking.sync import sync_study

            sync_study(home, name)
            publish(home, name)
    except (RequestError, StudyStopped, PermissionError):
        return
