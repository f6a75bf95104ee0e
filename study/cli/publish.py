"""The report in MLflow: its numbers as metrics of runs, its figures and tables as artifacts of runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from study.cli.console import note
from study.errors import RequestError, StudyStopped

if TYPE_CHECKING:
    from analysis.verdict.results import Results
    from study.home import Home

__all__ = ["publish", "publish_if_old"]


def publish(home: Home, name: str) -> None:
    """Let MLflow's runs of the study `name` show the numbers of its report, figures, tables and predictions.

    Nothing happens if another process drives the study, because its driver is the only writer, if MLflow is
    away, or if this user may not write: the next call makes up for it.
    """
    from analysis.record.study_record import read_study
    from analysis.verdict.published import numbers_of_arms, numbers_of_study
    from analysis.verdict.results import Results
    from study.tracking.sync import publish_numbers

    try:
        results = Results(read_study(home.urls(name)["tracking_uri"], name))
        arms = numbers_of_arms(results)
        publish_numbers(home, name, arms, numbers_of_study(results))
        _publish_files(home, name, results, arms)
    except (RequestError, StudyStopped, PermissionError):
        return


def _publish_files(home: Home, name: str, results: Results, arms: dict[str, dict[str, float]]) -> None:
    """Send the files of the study, of its `arms` with their numbers, and of its confirm runs.

    Raises:
        RequestError: as for `study.tracking.artifacts.send_files`.
    """
    from analysis.report import run_files
    from study.ledger.study import OpenStudy
    from study.planning.request import artifacts_of
    from study.tracking.artifacts import Files, send_files

    study = OpenStudy.at(home, name, looks=True)
    if artifacts_of(study.ledger.require_plan().request) == "none":
        return
    files = {
        f"arm/{arm}": Files(
            run_files.arm_source(results, arm, numbers),
            partial(run_files.write_arm_files, results, arm, numbers),
        )
        for arm, numbers in arms.items()
    }
    of_study = partial(run_files.write_study_files, results)
    files["study"] = Files(run_files.study_source(results), of_study)
    if why := send_files(study, files, run_files.write_prediction_files, run_files.FORM):
        note(f"MLflow's runs have no files beside their numbers: {why}")


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
