"""A data set's files in the hub's cache, and the tables that `datasets` makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from study.errors import RequestError
from study.trial.data.snapshots import fetch

SPLITS = ("train", "validation", "test")


def repository(*configurations: str) -> dict[str, str]:
    """A card and a file for each split of each configuration."""
    files = {f"{name}/{split}.jsonl": split for name in configurations for split in SPLITS}
    configs = [
        {"config_name": name, "data_files": [{"split": s, "path": f"{name}/{s}.jsonl"} for s in SPLITS]}
        for name in configurations
    ]
    rows = {path: json.dumps({"text": f"{path} text", "label": split}) for path, split in files.items()}
    return {"README.md": f"---\n{json.dumps({'configs': configs})}\n---\n", **rows}


def test_configurations_are_sorted_and_their_tables_read(hub: Callable[..., Path]) -> None:
    hub("us/data", repository("sw", "de"))
    snapshot = fetch("us/data")
    assert not snapshot.converted
    assert snapshot.configurations() == ["de", "sw"]
    assert snapshot.columns("de") == ["text", "label"]
    for name in ("de", "sw"):
        tables = snapshot.tables(name)
        assert list(tables) == list(SPLITS)
        assert list(tables["test"]["text"]) == [f"{name}/test.jsonl text"]


def test_a_table_that_was_read_for_its_columns_is_read_once(
    hub: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub("us/data", repository("de"))
    snapshot = fetch("us/data")
    snapshot.columns("de")
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "_builder", None)  # a second reading would call it
        assert list(snapshot.tables("de")) == list(SPLITS)
    assert list(snapshot.tables("de")) == list(SPLITS)


def test_no_cache_of_datasets_is_left(
    hub: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    hub("us/data", repository("de"))
    fetch("us/data").tables("de")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_the_cache_lacks_is_refused_in_one_line(hub: Callable[..., Path]) -> None:
    hub("us/data", {})
    with pytest.raises(RequestError, match=r"^hub:us/other: HF_HUB_OFFLINE is set"):
        fetch("us/other")
