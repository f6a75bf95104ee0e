"""What MLflow shows of a study beside its trials: the numbers and files of the report, and the models."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from study.cli.console import note
from study.errors import RequestError, StudyStopped

if TYPE_CHECKING:
    from analysis.verdict.results import Results
    from study.home import Home
    from study.ledger.study import OpenStudy
    from study.tracking.artifacts import Files

__all__ = ["check_register", "publish", "publish_if_old"]


def check_register(name: str | None) -> None:
    """Check the name of `--register`, if one is given.

    Raises:
        RequestError: if MLflow refuses the name.
    """
    if name is not None:
        from study.tracking.models.registry import check_name

        check_name(name)


def publish(home: Home, name: str, registered: str | None = None, again: bool = False) -> None:
    """Let MLflow show the report of the study `name`, its numbers and files, and the best students as models.

    What MLflow has already is not sent again. One line says what MLflow still lacks, for example if MLflow is
    away. registered: the name under which the best student is registered. again: look at every run; otherwise
    the study's run tells whether MLflow has everything, and then nothing is written, here or there.
    """
    from study.tracking.models.process import log_models

    # The models come from a process that begins with slow imports. The report is made meanwhile.
    why = log_models(home, name, registered, meanwhile=partial(_publish_report, home, name, again))
    if why is not None:
        option = f" --register {shlex.quote(registered)}" if registered else ""
        note(f"MLflow lacks models of the study: {why}; {_next(home, name)}{option}")
    elif registered is not None:
        note(f"the best student is registered: models:/{registered}@best")


def _publish_report(home: Home, name: str, again: bool = True) -> None:
    from analysis.record.reading import read_study
    from analysis.report import run_files
    from analysis.verdict.published import numbers_of_arms, numbers_of_study
    from analysis.verdict.results import Results
    from study.ledger.study import OpenStudy
    from study.planning.request import artifacts_of
    from study.tracking.artifacts import Files, send_files
    from study.tracking.sync import publish_numbers

    try:
        results = Results(read_study(home.urls(name)["tracking_uri"], name))
        study = OpenStudy.at(home, name, looks=True)
        has_files = artifacts_of(study.ledger.require_plan().request) != "none"
        source = ("" if has_files else "none of ") + run_files.study_source(results)
        if not again and results.record.tags.get("artifacts") == source:
            return
        arms = numbers_of_arms(results)
        publish_numbers(home, name, arms, numbers_of_study(results))
        files = _files_of(study, results, arms) if has_files else {}
        # The study's run is the last, so its tag tells that all has been sent.
        write = partial(run_files.write_study_files, results) if has_files else _nothing
        files["study"] = Files(source, write)
        if why := send_files(study, files):
            note(f"MLflow's runs have no files beside their numbers: {why}")
    except PermissionError:  # who may only read a study sends nothing
        return
    except (RequestError, StudyStopped) as error:
        note(f"MLflow lacks numbers or files of the report: {error}; {_next(home, name)}")


def _next(home: Home, name: str) -> str:
    return f"try again with: kdstudy resume {shlex.quote(name)}{home.option}"


def _files_of(study: OpenStudy, results: Results, arms: dict[str, dict[str, float]]) -> dict[str, Files]:
    """The files of the study's `arms` with their numbers, and of its confirm runs."""
    from analysis.report import run_files
    from study.tracking.artifacts import Files, files_of_trials

    files = {
        f"arm/{arm}": Files(
            run_files.arm_source(results, arm, numbers),
            partial(run_files.write_arm_files, results, arm, numbers),
        )
        for arm, numbers in arms.items()
    }
    return files | files_of_trials(study, run_files.write_prediction_files, run_files.FORM)


def _nothing(folder: Path) -> None:
    """Write no file into `folder`."""


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
