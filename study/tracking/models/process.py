"""Models are logged by a process of its own: torch never enters the driver, and a crash loses nothing.

    python -m study.tracking.models.process HOME NAME [REGISTERED]

The process imports torch at once, and begins its work when its standard input has something to read. The
process ends when its standard input ends, so it does not outlive the command that has started it.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mlflow.entities import LoggedModel

from study.errors import RequestError, StudyStopped, masked, no_permission, plain_reason
from study.home import Home
from study.ledger.records import Record
from study.ledger.study import OpenStudy
from study.tracking.models.logged import LoggedModels
from study.tracking.models.registry import is_registered, register
from study.tracking.models.students import best_student, best_students, can_be_written, logs_models
from study.tracking.tracker import Tracker

__all__ = ["log_models"]

SCRATCH = ".model-"
GONE = 2
"""Exit code: the command that has started this process is gone."""
log = logging.getLogger(__name__)


def log_models(home: Home, name: str, registered: str | None, meanwhile: Callable[[], None]) -> str | None:
    """Let MLflow have the best student of each arm of the study `name`, as models.

    An arm whose student's weights are not stored has no model. registered: the name under which the study's
    best student is registered. meanwhile: what this process does first, while the other one imports torch.

    Returns why MLflow still lacks something; None if MLflow lacks nothing.
    """
    why, is_needed = None, False
    try:
        study = OpenStudy.at(home, name, looks=True)
        models = LoggedModels(study)
        is_needed = bool(_lacking(study, models, registered)) or not _is_done(study, models, registered)
    except Exception as error:  # each kind of store raises errors of its own
        why = no_permission(error) or plain_reason(error)
    if is_needed:
        return _run([str(home.root), name, *([registered] if registered else [])], meanwhile)
    meanwhile()
    return why


def _run(arguments: list[str], meanwhile: Callable[[], None]) -> str | None:
    """Run this module as a process, and `meanwhile` here.

    Returns the last line of the process's errors if the process has failed, else None.
    """
    offline = {"HF_HUB_OFFLINE": "1", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "study.tracking.models.process", *arguments]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=os.environ | offline,
        ) as process,
    ):
        meanwhile()
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # the process has ended already; its code says why
            process.stdin.write(b"go")
            process.stdin.flush()
        code = process.wait()
        said.seek(0)
        text = masked(said.read().decode(errors="replace")).strip()
    log.debug("the process that logs models said:\n%s", text)
    if code == 0:
        return None
    return text.splitlines()[-1] if code == 1 and text else f"the process that logs them ended with {code}"


def _lacking(study: OpenStudy, models: LoggedModels, registered: str | None) -> list[Record]:
    """The students that MLflow lacks, and that can be written."""
    wanted = best_students(study) if logs_models(study) else []
    best = best_student(study) if registered else None
    if best is not None and best not in wanted:
        wanted.append(best)
    ready = models.ready() if wanted else {}
    return [record for record in wanted if record.key not in ready and can_be_written(study, record)]


def _is_done(study: OpenStudy, models: LoggedModels, registered: str | None) -> bool:
    """Whether the best student is registered, if it has to be."""
    if registered is None:
        return True
    model = _best_model(study, models)
    return model is not None and is_registered(models.client, registered, model)


def _best_model(study: OpenStudy, models: LoggedModels) -> LoggedModel | None:
    """The model of the study's best student; None if MLflow has no complete one."""
    best = best_student(study)
    return None if best is None else models.ready().get(best.key)


def _log_all(home: Home, name: str, registered: str | None) -> None:
    """Log what MLflow lacks, and register the best student."""
    study = OpenStudy.at(home, name, looks=True)
    with study.lease() as lease:
        for left in study.folder.glob(f"{SCRATCH}*"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        Tracker.of(study)  # lets the record lead to the home's artifacts, if the home was moved
        models = LoggedModels(study)
        if lacking := _lacking(study, models, registered):
            from study.tracking.models.folder import write_model

            for record in lacking:
                with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=study.folder) as scratch:
                    folder, about = write_model(study, record, Path(scratch))
                    lease.check()
                    models.log(record, folder, about)
        if registered is not None:
            model = _best_model(study, models)
            if model is None:
                raise RequestError(f"--register {registered}: the weights of the best student are not stored")
            register(models.client, study.urls["tracking_uri"], registered, model)


def _end_with_the_command() -> None:
    while os.read(0, 1):
        pass
    os._exit(GONE)


def main(root: str, name: str, registered: str | None = None) -> None:
    """Log the models of the study `name` in the home `root`; exit with 1, and a reason, if that fails."""
    import study.tracking.models.folder  # noqa: F401 (imports torch)

    if not os.read(0, 2):
        sys.exit(GONE)
    threading.Thread(target=_end_with_the_command, daemon=True).start()
    try:
        _log_all(Home(Path(root)), name, registered)
    except (RequestError, StudyStopped) as error:
        sys.exit(str(error))
    except Exception as error:  # the command that has started this process shows the last line
        log.exception("the models are not logged:")
        sys.exit(no_permission(error) or plain_reason(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
