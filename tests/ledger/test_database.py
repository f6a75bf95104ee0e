"""The ledger's database: opened, or refused in one line; a transaction is written as a whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from study.errors import RequestError, StudyStopped
from study.ledger import patience
from study.ledger.ledger import Ledger
from study.planning.plan import Plan

MakePlan = Callable[..., Plan]
OpenLedger = Callable[..., Ledger]


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/optuna.db", "nonsense", "nothing://here"])
def test_a_storage_that_cannot_be_opened_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(RequestError, match=r"^--ledger-url .*: \w+: [^\n]*$"):
        Ledger(url, "demo")


def test_a_server_that_stays_away_when_a_study_goes_on_stops_it_and_is_no_wrong_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.0)
    with pytest.raises(StudyStopped, match=r"^the ledger's database: [^\n]*$"):
        Ledger("postgresql+psycopg://nobody@127.0.0.1:1/none", "demo", waits=True)


@pytest.mark.processes
def test_many_processes_may_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    """A `status` may start in the moment in which a study begins."""
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    code = (
        "import sys; from study.ledger.ledger import Ledger; "
        "sys.stdin.readline(); Ledger(sys.argv[1], 'demo')"
    )
    opening = [
        subprocess.Popen(
            [sys.executable, "-c", code, url], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in opening:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=120) for process in opening]
    assert [process.returncode for process in opening] == [0] * 4, answers
