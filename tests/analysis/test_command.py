"""`kdstudy report`: of a home, of MLflow's database alone, of a server, and while the study runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.home import Home

Report = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def mlflow_uri(tracking_uri: str) -> str:
    """A database, as a home has it."""
    return tracking_uri


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Report:
    """`report(*arguments)`: (exit code, stdout, lines of stderr); the working directory is empty."""
    from study.cli.app import main

    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("KDSTUDY_HOME", raising=False)

    def run(*arguments: str | Path) -> tuple[int, str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["kdstudy", "report", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err.splitlines()

    return run


@pytest.fixture
def home(finished: Any, tracking_uri: str, tmp_path: Path) -> Path:
    """A folder that holds a copy of MLflow's database, and nothing else."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(tracking_uri.removeprefix("sqlite:///"), folder / "mlflow.db")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_mlflows_database_alone_is_enough(finished: Any, home: Path, report: Report, tmp_path: Path) -> None:
    name = finished.plan.name
    code, out, errors = report(name, "--home", home)
    assert (code, errors) == (0, [])
    assert str(home / "studies" / name / "report" / "report.html") in " ".join(out.split("\n"))
    first = files(home / "studies" / name / "report")
    assert (
        report(name, "--home", home, "--out", tmp_path / "again")[0] == 0
    )  # the report's folder is no study
    assert files(tmp_path / "again") == first
    assert "report.html" in first


def test_of_many_arms_no_table_of_languages_is_squeezed_into_the_terminal(
    make_recorder: Any, tracking_uri: str, report: Report, tmp_path: Path
) -> None:
    recorder = make_recorder(
        scientific={"init": ("random", "teacher"), "batch_size": (1, 2, 4, 8, 16, 32, 64)}
    )
    recorder.arms_alike()
    uri = ("--tracking-uri", tracking_uri)
    code, out, errors = report(recorder.plan.name, *uri, "--out", tmp_path / "many")
    assert (code, errors) == (0, [])
    assert "accuracy per language of 14 arms: in report.html and per_language.csv" in out
    assert "init=teacher batch_size=64" in out
    assert "yor" not in out


def test_where_arms_have_long_names_columns_are_named_by_their_levels(
    make_recorder: Any, tracking_uri: str, report: Report, tmp_path: Path
) -> None:
    shares = {"init": ("random", "teacher"), "data_fraction": (0.01, 0.1, 1.0)}
    recorder = make_recorder(scientific=shares | {"teacher_data": ("full", "same")})
    recorder.arms_alike()
    uri = ("--tracking-uri", tracking_uri)
    code, out, errors = report(recorder.plan.name, *uri, "--out", tmp_path / "long")
    assert (code, errors) == (0, [])
    assert "; columns: init, data_fraction, teacher_data" in out
    inits, fractions, teachers = (line.split() for line in out.partition("; columns: ")[2].splitlines()[2:5])
    assert set(inits) == {"random", "teacher"}
    assert set(fractions) == {"0.01", "0.1", "1.0"}
    assert set(teachers) == {"language", "full", "same", "-"}


def test_a_study_on_a_server_is_reported_without_a_home(
    finished: Any, home: Path, report: Report, tracking_uri: str, tmp_path: Path
) -> None:
    name = finished.plan.name
    code, out, errors = report(name, "--tracking-uri", tracking_uri, "--out", tmp_path / "server")
    assert (code, errors) == (0, [])
    assert "No winner is named" in out
    report(name, "--home", home, "--out", tmp_path / "home report")
    assert files(tmp_path / "server") == files(tmp_path / "home report")
    assert not any((tmp_path / "here").iterdir())


def test_a_study_that_runs_is_reported_as_partial(
    recorder: Any, report: Report, tracking_uri: str, tmp_path: Path
) -> None:
    """One arm is confirmed, the other one's search goes on."""
    recorder.teacher(0.8)
    for arm in (0, 1):
        recorder.trial(arm, 0, 0.3 + arm / 10)
    recorder.trial(0, 0, 0.3, seed=1, test=0.3)
    recorder.trial(1, 1, 0.2, None)
    home = tmp_path / "home"
    Home(home).begin(recorder.plan.name, {"tracking_uri": tracking_uri})
    code, out, errors = report(recorder.plan.name, "--home", home)
    assert (code, errors) == (0, [])
    assert out.startswith("Partial: this study has not finished.")
    assert "No winner is named" in out
    folder = home / "studies" / recorder.plan.name / "report"
    for page, first_screen_ends in (("report.html", "<nav>"), ("report.md", "\n## ")):
        text = (folder / page).read_text("utf-8")
        assert "Partial: this study has not finished." in text[: text.index(first_screen_ends)]


@pytest.mark.parametrize(
    "name",
    ["nosuch", "../x", "a\nb", "'; drop table runs", "", "-", "x" * 300],
    ids=["unknown", "a path", "two lines", "SQL", "empty", "a dash", "long"],
)
def test_a_name_that_is_not_there_is_refused_in_one_line_and_nothing_is_written(
    name: str, home: Path, report: Report, tracking_uri: str, tmp_path: Path
) -> None:
    before = files(tmp_path)
    for where in (
        ("--home", home),
        ("--home", tmp_path / "nowhere"),
        ("--tracking-uri", tracking_uri, "--out", tmp_path / "out"),
    ):
        code, out, errors = report(*where, "--", name)
        assert (code, out, len(errors)) == (2, "", 1), (where, errors)
        assert errors[0].startswith("kdstudy: ")
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    "uri",
    [
        "",
        " ",
        "nowhere",
        "file:./runs",
        "sqlite://",
        "sqlite:///absent.db",
        "mysql://h/x",
        "bogus://x",
        "s3://b",
    ],
)
def test_a_server_that_cannot_be_read_is_refused_in_one_line_and_nothing_is_written(
    uri: str, report: Report, tmp_path: Path
) -> None:
    code, out, errors = report("demo", "--tracking-uri", uri, "--out", tmp_path / "out")
    assert (code, out, len(errors)) == (2, "", 1), errors
    assert not files(tmp_path)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ((), "kdstudy: --tracking-uri: needs --out as well, because no home has a place for the report"),
        (("--home", "h", "--out", "o"), "kdstudy: --tracking-uri: replaces --home; give one of them"),
    ],
)
def test_a_server_takes_the_place_of_a_home(
    more: Any, complaint: str, report: Report, tmp_path: Path
) -> None:
    code, out, errors = report("demo", "--tracking-uri", "sqlite:///x.db", *more)
    assert (code, out, errors) == (2, "", [complaint])
    assert not files(tmp_path)
