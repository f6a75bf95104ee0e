"""What MLflow shows of a study beside its trials: the numbers and files of the report, and the models."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING

from study.cli.console import note
from study.errors import RequestError, StudyStopped

if TYPE_CHECKING:
    from analysis.verdict.results import Results
    from study.home import Home

__all__ = ["check_register", "publish", "publish_if_old"]


def check_register(name: str | None) -> None:
    """Check the name of `--register`, if one is given.

    Raises:
        RequestError: if MLflow refuses the name.
    """
    if name is not None:
        from study.tracking.models.registry import check_name

        check_name(name)


def publish(home: Home, name: str, registered: str | None = None) -> None:
    """Let MLflow show the report of the study `name`, its numbers and files, and the best students as models.

    What MLflow has already is not sent again. One line says what MLflow still lacks, for example if MLflow is
    away. registered: the name under which the best student is registered.
    """
    from study.tracking.models.process import log_models

    # The models come from a process that begins with slow imports. The report is made meanwhile.
    why = log_models(home, name, registered, meanwhile=partial(_publish_report, home, name))
    if why is not None:
        option = f" --register {shlex.quote(registered)}" if registered else ""
        note(f"MLflow lacks models of the study: {why}; {_again(home, name)}{option}")
    elif registered is not None:
        note(f"the best student is registered: models:/{registered}@best")


def _publish_report(home: Home, name: str) -> None:
    from analysis.record.study_record import read_study
    from analysis.verdict.published import numbers_of_arms, numbers_of_study
    from analysis.verdict.results import Results
    from study.tracking.sync import publish_numbers

    try:
        results = Results(read_study(home.urls(name)["tracking_uri"], name))
        arms = numbers_of_arms(results)
        publish_numbers(home, name, arms, numbers_of_study(results))
        _publish_files(home, name, results, arms)
    except PermissionError:  # who may only read a study sends nothing
        return
    except (RequestError, StudyStopped) as error:
        note(f"MLflow lacks numbers or files of the report: {error}; {_again(home, name)}")


def _again(home: Home, name: str) -> str:
    return f"try again with: kdstudy resume {shlex.quote(name)}{home.option}"


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
            _publish_report(home, name)
    except (RequestError, StudyStopped, PermissionError):
        return
