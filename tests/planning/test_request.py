"""A request: as the ledger stores it, and its folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from study.planning.request import Request, absolute


def test_what_is_recorded_of_a_request_is_json() -> None:
    request = Request("demo", task="/a/task", languages=("deu", "yor"), gpus_per_trial="auto")
    recorded = json.loads(json.dumps(request.recorded()))
    recorded["languages"] = tuple(recorded["languages"])
    assert Request(**recorded) == request


def test_folders_are_made_absolute_and_names_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    assert absolute("data") == absolute("./data") == str(tmp_path / "data")
    assert absolute("./nowhere") == str(tmp_path / "nowhere")
    assert absolute("~/data") == str(Path("~/data").expanduser())
    for name in ("phrasebook", "embedded", "hub:org/name", "org/name"):
        assert absolute(name) == name


def test_a_name_is_a_name_though_a_folder_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "phrasebook").mkdir()
    assert absolute("phrasebook") == "phrasebook"
