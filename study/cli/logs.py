"""Which logs and tracebacks are shown: those of `--debug`, or hardly any; never the password of a URL."""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
import warnings
from contextlib import suppress
from types import TracebackType
from typing import Any

from study.errors import masked

__all__ = ["show_logs"]


def show_logs(debug: bool) -> None:
    """Show the logs of this program and its libraries if `debug`; else only what a user has to know."""
    if debug:
        _show_all()
    else:
        _silence()
    _mask()


class _MaskedRecord(logging.LogRecord):
    """A record of any logger, of libraries too, without the passwords of URLs in its text and traceback."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        with suppress(Exception):  # a text that does not fit its arguments is reported by logging
            self.msg, self.args = masked(self.getMessage()), ()
        if self.exc_info and self.exc_info[0] is not None:
            self.exc_text = masked("".join(traceback.format_exception(*self.exc_info)).rstrip())


def _mask() -> None:
    """Let no password of a URL into logs and tracebacks, those of threads too."""

    def show(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        sys.stderr.write(masked("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = show
    threading.excepthook = lambda thrown: show(thrown.exc_type, thrown.exc_value, thrown.exc_traceback)
    logging.setLogRecordFactory(_MaskedRecord)


def _silence() -> None:
    warnings.filterwarnings("ignore")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")  # MLflow prints tracebacks of calls it repeats
    logging.getLogger("transformers").setLevel(logging.ERROR)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def _show_all() -> None:
    warnings.simplefilter("default")
    logging.captureWarnings(True)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "INFO")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    logging.getLogger("study").setLevel(logging.DEBUG)
