"""The password of a URL is in no output and in no file, except for the one that a resume needs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

SECRET = "hush-hush-4711"
AWAY = {
    "ledger_url": f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1/none",
    "tracking_uri": f"http://me:{SECRET}@127.0.0.1:9",
    "storage_url": f"nosuch://me:{SECRET}@127.0.0.1:9/x",
}
WRONG = {
    "ledger_url": f"nothing://me:{SECRET}@127.0.0.1/x",
    "tracking_uri": f"postgresql+nosuch://me:{SECRET}@127.0.0.1/x",
    "storage_url": f"s3://?secret_key={SECRET}",
}


def files_with_the_secret(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and SECRET.encode() in path.read_bytes():
                yield path


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plainly", "debug"])
@pytest.mark.parametrize("urls", [AWAY, WRONG], ids=["away", "wrong"])
@pytest.mark.parametrize("field", AWAY)
def test_a_refusal_shows_no_password(
    command: Any,
    asked: Any,
    home_with_artifacts: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    field: str,
    urls: dict[str, str],
    debug: tuple[str, ...],
) -> None:
    option = "--" + field.replace("_", "-")
    home = ("--home", home_with_artifacts)
    answer = command(*debug, "run", asked.space, *asked.plain, *home, option, urls[field])
    assert answer.code == 2, answer.err
    shown = [answer.out, answer.err, caplog.text]
    assert f"{option} " in answer.err
    assert "***" in answer.err
    if field == "tracking_uri":
        answer = command(*debug, "report", "x", option, urls[field], "--out", tmp_path / "report")
        assert answer.code == 2
        shown += [answer.out, answer.err, caplog.text]
    assert [text for text in shown if SECRET in text] == []
    assert list(files_with_the_secret(tmp_path)) == []


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plainly", "debug"])
def test_a_study_whose_servers_are_away_shows_no_password(
    command: Any, copied_home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, debug: tuple[str, ...]
) -> None:
    folder, shown = copied_home / "studies" / "my_space", []
    for field in ("ledger_url", "tracking_uri"):
        (folder / "study.json").write_text(json.dumps({field: AWAY[field]}))
        commands = [
            "status my_space",
            "status",
            "status my_space --sync",
            f"export my_space --out {tmp_path}/s",
        ]
        if field == "tracking_uri":
            commands = ["status my_space", "status my_space --sync", "report my_space", "resume my_space"]
        for arguments in commands:
            answer = command(*debug, *arguments.split(), "--home", copied_home)
            shown += [answer.out, answer.err, caplog.text]
    assert [text for text in shown if SECRET in text] == []
    assert list(files_with_the_secret(tmp_path)) == [folder / "study.json"]


@pytest.mark.long
def test_a_study_with_a_password_in_a_url_stores_it_in_one_file_that_only_the_user_reads(
    command: Any, on_ray: list[str], asked: Any, home_with_artifacts: Path, tmp_path: Path
) -> None:
    """The ledger is a file whose URL has a password that SQLite does not heed."""
    home = home_with_artifacts
    ledger = tmp_path / "ledger.db"
    url = f"sqlite:///file:{ledger}?uri=true&password={SECRET}"
    few = ["--trials", "1", "--confirm-seeds", "0", "--concurrency", "1"]
    run = ["run", asked.space, *asked.plain, *few, *on_ray, "--home", home, "--ledger-url", url]
    shown = []
    for arguments in (
        run,
        ["status", "my_space", "--home", home],
        ["status", "--home", home],
        ["resume", "my_space", "--home", home],
        ["status", "my_space", "--sync", "--home", home],
        ["report", "my_space", "--home", home, "--out", tmp_path / "report"],
        ["--debug", *run],
    ):
        answer = command(*arguments)
        assert answer.code == 0, answer.err
        shown += [answer.out, answer.err]
    assert [text for text in shown if SECRET in text] == []
    only = home / "studies" / "my_space" / "study.json"
    assert list(files_with_the_secret(tmp_path)) == [only]
    assert only.stat().st_mode & 0o777 == 0o600
    assert "password=***" in (only.parent / "request.json").read_text("utf-8")
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        assert SECRET not in "\n".join(database.iterdump())
