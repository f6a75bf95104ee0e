"""The home: one folder, that can be moved; names and URLs that cannot be used are refused."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from study.errors import RequestError
from study.home import Home, same_address
from study.ledger.database import sqlite_file
from study.storage.artifacts import Store
from study.storage.mirror import Mirror


def test_everything_is_inside_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    urls = home.begin("demo", {})
    root = tmp_path / "home"
    assert urls == {
        "ledger_url": f"sqlite:///{root}/studies/demo/optuna.db",
        "tracking_uri": f"sqlite:///{root}/mlflow.db",
    }
    assert home.trials("demo") == root / "studies" / "demo" / "trials"
    assert home.store.root == root / "artifacts"
    assert home.artifact_location(urls) == f"file://{root}/mlartifacts"


def test_it_says_what_a_command_needs_to_find_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path / "my home")
    monkeypatch.delenv("KDSTUDY_HOME", raising=False)
    assert home.option == f" --home '{tmp_path}/my home'"
    monkeypatch.setenv("KDSTUDY_HOME", str(tmp_path / "my home"))
    assert home.option == ""
    assert Home(tmp_path).option == f" --home {tmp_path}"


def test_a_server_decides_itself_where_artifacts_are(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.artifact_location(home.begin("demo", {"tracking_uri": "http://mlflow:5000"})) is None


def test_a_study_keeps_the_urls_it_was_begun_with(tmp_path: Path) -> None:
    home, given = Home(tmp_path), {"ledger_url": "postgresql://db/optuna"}
    urls = home.begin("demo", given)
    assert urls["ledger_url"] == "postgresql://db/optuna"
    assert home.urls("demo") == home.begin("demo", {}) == home.begin("demo", given) == urls
    with pytest.raises(RequestError) as error:
        home.begin("demo", {"ledger_url": "postgresql://else/optuna"})
    assert str(error.value) == (
        "--ledger-url: study demo was begun with postgresql://db/optuna, not postgresql://else/optuna"
    )
    assert home.urls("demo") == urls


def test_a_default_url_may_be_given_by_name(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.begin("demo", {})
    home.check_urls("demo", {"tracking_uri": home.tracking_uri})
    with pytest.raises(RequestError, match=r"^--tracking-uri: study demo was begun with sqlite:.*, not http"):
        home.check_urls("demo", {"tracking_uri": "http://mlflow:5000"})


def test_a_study_keeps_its_storage_or_its_lack_of_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.begin("without", {})
    assert home.store_of("without") == home.store
    with pytest.raises(RequestError, match=r"^--storage-url: study without was begun with none, not s3:"):
        home.begin("without", {"storage_url": "s3://b/x"})
    home.begin("with", {"storage_url": "s3://b/x"})
    home.begin("with", {})
    assert home.store_of("with") == Store(tmp_path / "artifacts", Mirror(tmp_path, "s3://b/x"))


def test_a_home_can_be_moved(tmp_path: Path) -> None:
    Home(tmp_path / "here").begin("demo", {"tracking_uri": "http://mlflow:5000"})
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert Home(tmp_path / "there").urls("demo") == {
        "ledger_url": f"sqlite:///{tmp_path}/there/studies/demo/optuna.db",
        "tracking_uri": "http://mlflow:5000",
    }
    recorded = (tmp_path / "there" / "studies" / "demo" / "study.json").read_text("utf-8")
    assert json.loads(recorded) == {"tracking_uri": "http://mlflow:5000"}


def test_looking_writes_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert home.studies() == []
    home.study("demo")
    home.check_urls("demo", {"ledger_url": "sqlite:///x"})
    assert not (tmp_path / "home").exists()


def test_an_unknown_study_is_refused_and_those_there_are_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(RequestError, match=r"^demo: no such study in .*; there are: none yet$"):
        home.urls("demo")
    for name in ("second", "first"):
        home.begin(name, {})
    assert home.studies() == ["first", "second"]
    with pytest.raises(RequestError, match=r"^demo: no such study in .*; there are: first, second$"):
        home.urls("demo")
    with pytest.raises(RequestError, match=r" \(did you mean first\?\); there are: first, second$"):
        home.urls("frist")


@pytest.mark.parametrize(
    "name", ["quickstart", "a", "7", "my study-2.1", "Übung", "_x", "x" * 100, "学" * 80]
)
def test_a_name_may_be_a_folders(tmp_path: Path, name: str) -> None:
    assert Home(tmp_path).study(name) == tmp_path / "studies" / name


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../up", "a/b", "/a", ".hidden", "a ", "a.", "a\nb", "a\\b", "a'b", "a:b"),
        "x" * 101,
        "学" * 100,
    ],
)
def test_a_name_that_cannot_be_a_folders_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError) as error:
        Home(tmp_path).study(name)
    assert str(error.value).startswith("--name ")
    assert "\n" not in str(error.value)


def test_a_home_of_mlflows_database_alone_is_read_from_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(RequestError, match=r"^demo: no such study in .*; there are: none yet$"):
        home.recorded_at("demo")
    home.database.touch()
    assert home.recorded_at("demo") == home.tracking_uri
    home.begin("served", {"tracking_uri": "http://mlflow:5000"})
    assert home.recorded_at("served") == "http://mlflow:5000"
    with pytest.raises(RequestError, match=r"^--name '\.\./x': must be letters"):
        home.recorded_at("../x")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://mlflow:5000", "http://mlflow:5000/", True),
        ("http://MLflow:5000", "HTTP://mlflow:5000", True),
        ("http://mlflow", "http://mlflow:80/", True),
        ("https://mlflow/path/", "https://mlflow:443/path", True),
        ("http://localhost:5000", "http://127.0.0.1:5000/", True),
        ("postgresql://me:old@db/optuna", "postgresql://me:new@db:5432/optuna", True),
        ("s3://bucket/x/", "s3://bucket/x", True),
        ("sqlite:////a/b.db", "sqlite:////a/b.db", True),
        ("http://mlflow:5000", "http://mlflow:5001", False),
        ("http://mlflow:5000", "https://mlflow:5000", False),
        ("postgresql://me@db/optuna", "postgresql://you@db/optuna", False),
        ("s3://bucket/x", "s3://bucket/y", False),
        ("s3://bucket/x?region=eu", "s3://bucket/x?region=us", False),
        ("sqlite:////a/b.db", "sqlite:////a/c.db", False),
        ("http://host:port", "http://host:other", False),
    ],
)
def test_the_same_address_in_another_spelling_is_the_same(one: str, other: str, same: bool) -> None:
    assert same_address(one, other) is same
    assert same_address(other, one) is same


def test_a_study_goes_on_at_the_same_address_with_a_new_password(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.begin("demo", {"ledger_url": "postgresql://me:old@db/optuna"})
    assert home.begin("demo", {"ledger_url": "postgresql://me:new@db/optuna"})["ledger_url"].count("new") == 1
    home.begin("plain", {})
    home.begin("plain", {"tracking_uri": home.tracking_uri + "/"})
    assert json.loads((home.study("plain") / "study.json").read_text()) == {}, "a home can be moved"


def test_a_new_password_counts_before_it_is_stored_and_a_masked_one_never(tmp_path: Path) -> None:
    """A command that was copied from an output has *** in its URL."""
    home = Home(tmp_path)
    old, new, masked = (f"postgresql://me:{password}@db/optuna" for password in ("old", "new", "***"))
    home.begin("demo", {"ledger_url": old})
    assert home.urls("demo", {"ledger_url": new})["ledger_url"] == new
    assert home.urls("demo", {"ledger_url": masked})["ledger_url"] == old
    assert home.urls("demo", {"ledger_url": "postgresql://me@other/optuna"})["ledger_url"] == old
    assert home.urls("demo")["ledger_url"] == old
    assert home.begin("demo", {"ledger_url": masked})["ledger_url"] == old


def test_the_record_of_a_study_may_move_to_another_address(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.begin("demo", {"tracking_uri": "http://mlflow:5000"})
    assert not home.moves_record("demo", {"tracking_uri": "http://mlflow:5000/"})
    assert not home.moves_record("demo", {})
    assert not home.moves_record("other", {"tracking_uri": "http://mlflow:5001"})
    assert home.moves_record("demo", {"tracking_uri": "http://mlflow:5001"})
    home.records_elsewhere("demo", "http://mlflow:5001")
    assert home.urls("demo")["tracking_uri"] == "http://mlflow:5001"


def test_only_the_user_reads_urls_with_a_password(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.begin("open", {"ledger_url": "postgresql://me@db/optuna"})
    home.begin("closed", {"ledger_url": "postgresql://me:hush@db/optuna"})
    assert (home.study("open") / "study.json").stat().st_mode & 0o777 == 0o644
    assert (home.study("closed") / "study.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ledger_url": 3}', "\ufeff{"])
def test_a_damaged_study_file_is_one_line_that_names_it(tmp_path: Path, content: str) -> None:
    home = Home(tmp_path)
    home.begin("demo", {})
    (home.study("demo") / "study.json").write_text(content)
    with pytest.raises(
        RequestError, match=r"^\S+/study.json: is damaged: [^\n]+; it must hold the URLs that"
    ):
        home.urls("demo")


def test_a_path_that_no_database_can_have_is_refused_and_a_server_needs_none(tmp_path: Path) -> None:
    servers = {"tracking_uri": "http://mlflow:5000", "ledger_url": "postgresql://db/optuna"}
    for folder, why in (
        (tmp_path / "a?b", "MLflow's database cannot have ? in its path; choose another home"),
        (tmp_path / "long" / "/".join("x" * 99 for _ in range(5)), "SQLite opens at most 500"),
    ):
        with pytest.raises(RequestError, match=re.escape(why)):
            Home(folder).check_databases("demo", {})
        Home(folder).check_databases("demo", servers)


def test_a_single_trial_needs_no_database_so_any_path_is_fit_for_it(tmp_path: Path) -> None:
    """`kdstudy trial` checks no more than this."""
    Home(tmp_path / "a%20b?").check_writable()
    with pytest.raises(RequestError, match="MLflow's database cannot have % in its path"):
        Home(tmp_path / "a%20b").check_databases("demo", {})
    Home(tmp_path / "a%20b?").check_databases("demo", {"tracking_uri": "http://mlflow:5000"})


def test_the_urls_of_a_home_lead_to_its_files_whatever_letters_its_path_has(tmp_path: Path) -> None:
    """A home may be moved to any place."""
    home = Home(tmp_path / "a%41 b?c#d, ở nhà")
    home.begin("demo", {})
    urls = home.urls("demo")
    assert sqlite_file(urls["ledger_url"]) == home.study("demo") / "optuna.db"
    assert sqlite_file(urls["tracking_uri"]) == home.database


def test_sqlite_opens_the_longest_database_that_is_not_refused(tmp_path: Path) -> None:
    """Its journal has a longer name."""
    spare = 500 - len(str(Home(tmp_path / "").study("demo") / "optuna.db")) - 1
    home = Home(tmp_path / "/".join(["x" * 99] * (spare // 100) + ["x" * (spare % 100)]).rstrip("/"))
    home.check_databases("demo", {})
    home.study("demo").mkdir(parents=True)
    with closing(sqlite3.connect(home.study("demo") / "optuna.db")) as database:
        database.execute("create table t (a)")
        database.commit()


def test_a_home_that_no_system_can_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for path in (tmp_path / ("x" * 300), tmp_path / "circle", tmp_path / "a\0b"):
        with pytest.raises(RequestError, match=r"^--home .*: cannot be a folder: ") as error:
            Home.at(path)
        assert "\n" not in str(error.value)
