"""Logs and tracebacks show no password of a URL, wherever they come from."""

from __future__ import annotations

import logging
import sys
import threading

import pytest

from study.cli.logs import show_logs

URL = "postgresql://me:hush@db/x"


def fail() -> None:
    raise RuntimeError(f"no answer from {URL}")


def test_the_traceback_of_a_thread_shows_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    show_logs(debug=False)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    shown = capsys.readouterr().err
    assert "RuntimeError: no answer from postgresql://me:***@db/x" in shown
    assert "hush" not in shown


def test_a_traceback_at_the_end_of_the_program_shows_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    show_logs(debug=False)
    with pytest.raises(RuntimeError) as raised:
        fail()
    sys.excepthook(raised.type, raised.value, raised.tb)
    shown = capsys.readouterr().err
    assert "postgresql://me:***@db/x" in shown
    assert "hush" not in shown


def test_a_log_of_a_library_shows_no_password_and_never_raises() -> None:
    class Odd:
        def __str__(self) -> str:
            raise KeyError("odd")

    show_logs(debug=False)
    record = logging.getLogRecordFactory()
    assert record("any", 30, "f", 1, "at %s", (URL,), None).getMessage() == "at postgresql://me:***@db/x"
    assert record("any", 30, "f", 1, "%s", (Odd(),), None).msg == "%s"  # whoever prints it reports the error
