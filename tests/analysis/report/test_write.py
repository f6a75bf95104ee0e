"""The report's files: what they say, that all of it is the record's, and that names stay names."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.record.design import confirmed, factors
from analysis.record.formats import interval, p_value
from analysis.record.study_record import StudyRecord
from analysis.report import write as report_module
from analysis.report.sections.arms import arms
from analysis.report.sections.data import data_and_models
from analysis.report.sections.factors import alpha_and_temperature, data_fraction, depth, size
from analysis.report.write import write_report
from analysis.statistics.fractions import fraction_interaction
from analysis.verdict import results as results_module
from analysis.verdict.answer import answer
from analysis.verdict.audit import Finding
from analysis.verdict.results import Results
from study.errors import RequestError
from tests.analysis.invented import invented_study
from tests.analysis.pages import pages


def test_every_file_is_named_and_written(written: tuple[Path, list[Path]]) -> None:
    out, paths = written
    assert sorted(paths) == sorted(path for path in out.rglob("*") if path.is_file())
    names = {path.relative_to(out).as_posix() for path in paths}
    assert {"report.html", "report.md", "trials.csv", "per_language.csv", "effects.csv"} <= names
    assert {"tables/arms.tex", "tables/effects_macro.tex", "tables/variance.tex"} <= names
    figures = {"effects", "effects_by_language", "languages", "learning_curves", "search_budget", "replay"}
    assert {f"figures/{name}.{kind}" for name in figures for kind in ("svg", "png")} <= names


CUT = {"nothing": 0, "the teacher": 1, "half of the search": 9, "the search": 17}
CUT |= {f"{runs} confirm runs": 17 + runs for runs in (1, 2, 4, 5, 6, 9, 15)}
"""How many of the study's trials there are; its arms, of 4 + 4 each, were run one after the other."""


@pytest.mark.parametrize("there", CUT.values(), ids=CUT)
def test_a_study_is_reported_wherever_it_is(claim_study: StudyRecord, there: int, tmp_path: Path) -> None:
    phases = {"teacher": 0, "search": 1, "confirm": 2}
    trials = claim_study.trials.sort_values("phase", key=lambda phase: phase.map(phases), kind="stable")
    keys = trials["key"].iloc[:there]
    whole = {"trials": claim_study.trials, "scores": claim_study.scores, "curves": claim_study.curves}
    tables = {name: table[table["key"].isin(keys)].reset_index(drop=True) for name, table in whole.items()}
    record = dataclasses.replace(claim_study, partial=True, **tables)
    paths = write_report(Results(record), tmp_path)
    assert all(path.stat().st_size for path in paths if path.suffix in (".html", ".md", ".svg", ".png"))
    assert "No winner is named" in (tmp_path / "report.md").read_text("utf-8")


SPACES: dict[str, dict[str, Any]] = {
    "arms by depth": {"depth": (1, 3)},
    "low resource": {
        "init": ("random", "teacher"),
        "data_fraction": (0.1, 1.0),
        "teacher_data": ("full", "same"),
    },
    "a surface": {"alpha": (1.0, 0.2), "temperature": (1.0, 4.0)},
    "alpha": {"alpha": (1.0, 0.5, 0.2)},
    "teachers": {"init": ("random", "teacher"), "teacher_seed": (0, 1)},
    "one arm": {},
}


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_a_study_of_any_factors_is_reported_with_its_first_arms_confirmed(space: Any, tmp_path: Path) -> None:
    study = invented_study(space, seeds=3, search=3)
    for there in (1, 2):
        late = study.trials["arm"].isin(study.arms[there:]) & (study.trials["phase"] == "confirm")
        keys = study.trials["key"][~late]
        whole = {"trials": study.trials, "scores": study.scores, "curves": study.curves}
        tables = {
            name: table[table["key"].isin(keys)].reset_index(drop=True) for name, table in whole.items()
        }
        write_report(Results(dataclasses.replace(study, partial=True, **tables)), tmp_path / str(there))


def test_the_same_record_gives_the_same_bytes(
    claim_study: StudyRecord, written: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    out, paths = written
    again = write_report(Results(claim_study), tmp_path)
    assert [p.relative_to(tmp_path) for p in again] == [p.relative_to(out) for p in paths]
    for one, other in zip(paths, again, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_of_an_earlier_report_nothing_is_left_and_nothing_else_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader's own files may lie in folders of these names, and in subfolders of them."""
    out = tmp_path / "thesis"
    own = ["notes.txt", "figures/mine.svg", "figures/raw/mine.png", "tables/mine.tex", "tables/mine.csv"]
    for name in own:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("mine")
    (tmp_path / "outside.tex").write_text("mine")
    study = Results(invented_study({"depth": (1, 3)}, seeds=2, search=2))
    monkeypatch.setattr(report_module, "sections", lambda results: [arms(results), depth(results)])
    earlier = write_report(study, out)
    with (out / "report.files").open("a", encoding="utf-8") as manifest:
        manifest.write("tables/../../outside.tex\n../outside.tex\nnotes.txt\nfigures/raw/mine.png\n")
    monkeypatch.setattr(report_module, "sections", lambda results: [])
    later = write_report(study, out)
    gone = set(earlier) - set(later)
    assert {path.name for path in gone} >= {"depth.svg", "depth.png", "arms.tex"}
    assert sorted(p for p in out.rglob("*") if p.is_file()) == sorted([*later, *(out / name for name in own)])
    assert (tmp_path / "outside.tex").exists()


def test_the_manifest_names_every_file(written: tuple[Path, list[Path]]) -> None:
    out, paths = written
    named = (out / "report.files").read_text("utf-8").splitlines()
    assert named == sorted(path.relative_to(out).as_posix() for path in paths)


def test_a_place_that_cannot_be_written_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_module, "sections", lambda results: [])
    study = Results(invented_study({"init": ("random", "teacher")}, seeds=2, search=2))
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder" / "report.md").mkdir(parents=True)
    for out in (tmp_path / "file", tmp_path / "folder"):
        with pytest.raises(RequestError) as refusal:
            write_report(study, out)
        assert re.fullmatch(
            rf"{re.escape(str(out))}: the report cannot be written there: [^\n]+", str(refusal.value)
        )
    assert (tmp_path / "file").read_text() == "mine"


def test_nothing_of_the_place_or_the_time_is_in_a_report(written: tuple[Path, list[Path]]) -> None:
    out, paths = written
    for path in paths:
        data = path.read_bytes()
        for told in (
            b"the run ",
            b"/some/where",
            str(out).encode(),
            b"slurm",
            b"dc:date",
            b"tIME",
            b"Matplotlib",
        ):
            assert told not in data, (path.name, told)
    assert "my_space.py" in (out / "report.md").read_text("utf-8")


def test_the_answer_is_the_claim(claim_study: StudyRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Results(claim_study).copying
    assert found is not None
    page, markdown = pages(claim_study, monkeypatch)
    numbers = (found.magnitude.estimate, found.magnitude.low, found.magnitude.high)
    estimate, low, high = (f"{100 * number:.1f}" for number in numbers)
    for text in (page.text, markdown.replace("\\[", "[").replace("\\]", "]")):
        assert f"supported, by {estimate} points in magnitude [{low}, {high}]" in text
        assert (
            "for this teacher, at the selected values of learning_rate, on the test texts of these 6 "
            "languages; intervals are over seeds only." in text
        )
    assert markdown.startswith("# invented\n\nHow much comes from the initialisation, and")
    assert "**Copying helped" in markdown


def test_where_data_is_the_question_the_answer_is_how_the_advantage_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    space = {
        "init": ("random", "teacher"),
        "data_fraction": (0.01, 0.1, 1.0),
        "teacher_data": ("full", "same"),
    }
    study = invented_study(space)
    page, markdown = pages(study, monkeypatch)
    slopes = fraction_interaction(confirmed(study), factors(study))
    for row, saw in zip(slopes.to_dict("records"), ("all data", "the same share"), strict=True):
        for text in (page.text, markdown):
            assert (
                f"weights copied from the teacher, which saw {saw}, and random weights (teacher - random) "
                f"changes by {100 * row['estimate']:+.2f} points of macro test accuracy"
            ) in text


def test_without_the_claim_the_best_arm_is_compared_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, _ = pages(invented_study({"depth": (1, 3, 6)}, search=2), monkeypatch)
    assert re.search(
        r"depth=6 has the highest .* The difference from the next arm, depth=3, is \+\d\.\d\d points",
        page.text,
    )
    assert re.search(r"The largest main effect of depth is 6 - 1: \+\d\.\d\d points", page.text)


def test_where_the_audit_has_findings_no_winner_is_named(
    claim_study: StudyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [
        Finding("budget", "init=random alpha=0.2", "it had 3 trials"),
        Finding("seeds", None, "two seeds"),
    ]
    monkeypatch.setattr(results_module, "audit", lambda record: findings)
    page, markdown = pages(claim_study)
    for text in (page.text, markdown):
        assert "No winner is named: the audit has 2 findings" in text
        assert "Initialising students from" not in text
        assert "highest mean" not in text
        assert "it had 3 trials" in text
        assert "two seeds" in text


def test_tables_of_numbers_are_in_full(claim_study: StudyRecord, written: tuple[Path, list[Path]]) -> None:
    out, _ = written
    scores, trials = pd.read_csv(out / "per_language.csv"), pd.read_csv(out / "trials.csv")
    assert list(scores.columns) == list(claim_study.scores.columns)
    assert np.array_equal(scores["value"], claim_study.scores["value"])
    assert list(trials["key"]) == list(claim_study.trials["key"])
    assert "run" not in trials.columns
    effects = pd.read_csv(out / "effects.csv")
    assert set(effects["kind"]) == {"mean", "part", "crossed", "claim", "main", "interaction"}
    assert set(effects["outcome"]) == {"macro", "worst", "arb", "deu", "ell", "kat", "rus", "swh"}


def test_every_claim_has_its_numbers_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_module, "sections", lambda results: [])
    study = invented_study(
        {"init": ("random", "teacher"), "data_fraction": (0.01, 1.0), "alpha": (0.2, 1.0)}, seeds=3, search=2
    )
    results = Results(study)
    files = {path.name: path for path in write_report(results, tmp_path)}
    for name, table in {
        "fractions": results.advantage,
        "convergence": results.convergence,
        "variance": results.shares,
        "arms_compared": results.compared,
    }.items():
        assert len(table)
        written = pd.read_csv(files[f"{name}.csv"])
        assert list(written.columns) == list(table.columns)
        for column in written:
            missing = table[column].isna().to_numpy()
            assert list(written[column].isna()) == list(missing)
            assert list(written[column][~missing]) == list(table[column][~missing])
    named = (tmp_path / "report.files").read_text("utf-8").splitlines()
    assert {"fractions.csv", "convergence.csv", "variance.csv", "arms_compared.csv"} <= set(named)


def test_a_claim_that_is_not_asked_has_a_file_with_its_head_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_module, "sections", lambda results: [])
    write_report(Results(invented_study({"depth": (1, 3)}, seeds=2, search=2)), tmp_path)
    assert (tmp_path / "fractions.csv").read_text("utf-8").startswith('"teacher_data","estimate"')
    assert len(pd.read_csv(tmp_path / "fractions.csv")) == len(pd.read_csv(tmp_path / "convergence.csv")) == 0


def test_the_best_arm_is_compared_with_every_other_in_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    study = invented_study({"depth": (1, 3, 6)}, search=2)
    monkeypatch.setattr(results_module, "audit", lambda record: [])
    results = Results(study)
    (table,) = (table for table in arms(results).tables if table.name == "arms_compared")
    assert table.rows == tuple(
        (
            row["other"],
            interval(row["estimate"], row["low"], row["high"]),
            p_value(row["p"]),
            interval(row["estimate"], row["low_all"], row["high_all"]),
            p_value(row["p_holm"]),
            str(row["seeds"]),
        )
        for row in results.compared.sort_values("estimate").to_dict("records")
    )
    assert [row[0] for row in table.rows] == ["depth=3", "depth=1"]
    assert table.note.startswith("Macro test accuracy of depth=6 minus")


def test_an_arm_that_the_audit_refuses_to_name_is_compared_in_no_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(results_module, "audit", lambda record: [Finding("seeds", None, "two seeds")])
    results = Results(invented_study({"depth": (1, 3, 6)}, search=2))
    assert len(results.compared)
    assert "arms_compared" not in {table.name for table in arms(results).tables}


@pytest.mark.parametrize(
    ("space", "figures"),
    [
        ({"data_fraction": (0.01, 0.1, 1.0), "teacher_data": ("full", "same")}, {"data_fraction"}),
        ({"depth": (1, 2, 4)}, {"depth", "size"}),
        ({"alpha": (0.0, 0.5, 1.0), "temperature": (1.0, 4.0)}, {"alpha_temperature"}),
        ({"alpha": (0.0, 0.5, 1.0)}, {"alpha"}),
        ({"init": ("random", "teacher")}, set()),
    ],
)
def test_each_factor_has_its_figure(space: dict[str, Any], figures: set[str]) -> None:
    study = invented_study({"init": ("random", "teacher")} | space, seeds=2, search=2)
    results = Results(study)
    made = [section(results) for section in (data_fraction, depth, alpha_and_temperature, size)]
    assert {drawing.name for section in made for drawing in section.drawings} == figures


def test_a_recorded_study_is_reported(finished: Any) -> None:
    page, markdown = pages(finished.read())
    assert "why?" in page.text
    assert "Trials: 4 confirm complete, 4 search complete, 2 search pruned." in markdown
    assert (
        "| init=teacher | 65.00 | 2 | 60.00 | 56.50 | 0.71 | 51.50 | 56.50 | 56.50 | 4 | 1 | 0 | 0 |"
        in markdown
    )
    assert "| yor | 90.00 | 45.00 | 65.00 |" in markdown  # validation: the teacher, then the arms


def test_a_study_without_results_is_reported_as_such(recorder: Any) -> None:
    recorder.trial(0, 0, 0.5, None)
    page, markdown = pages(recorder.read())
    assert "No trial has ended yet." in page.text
    assert "Accuracy per language" not in page.text
    assert "| init=random | - | 0 | - | - | - | - | - | - | 0 | 0 | 0 | 0 |" in markdown


def answered(study: StudyRecord, monkeypatch: pytest.MonkeyPatch) -> str:
    """The answer, as if no finding were made and the best values of every arm were known."""
    monkeypatch.setattr(results_module, "audit", lambda record: [])
    monkeypatch.setattr(results_module, "shortfalls", lambda record: {})
    return " ".join(answer(Results(study)))


def without_runs(study: StudyRecord, runs: dict[str, set[int]]) -> StudyRecord:
    """`study` without the confirm runs of these seeds of each arm."""
    gone = [study.scores["arm"].eq(arm) & study.scores["seed"].isin(seeds) for arm, seeds in runs.items()]
    lost = np.any(gone, axis=0) & (study.scores["phase"] == "confirm")
    return dataclasses.replace(study, scores=study.scores[~lost])


def test_a_difference_that_falls_is_signed_as_its_interval_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def falls(levels: Any) -> float:
        less = -np.log10(levels["data_fraction"])
        return float(0.5 - 0.05 * less * (levels["init"] == "teacher"))

    study = invented_study({"init": ("random", "teacher"), "data_fraction": (0.01, 0.1, 1.0)}, score=falls)
    row = fraction_interaction(confirmed(study), factors(study)).iloc[0]
    estimate, low, high = (100 * row[c] for c in ("estimate", "low", "high"))
    assert low < estimate < high < 0
    text = answered(study, monkeypatch)
    assert f"changes by {estimate:.2f} points of macro test accuracy (95% interval {low:.2f} to" in text
    assert "advantage" not in text


def test_the_best_arm_is_best_on_the_seeds_that_all_arms_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shallow student lacks the seed that is hard for all: by its own mean it would be ahead."""
    study = invented_study({"depth": (1, 3, 6)}, search=2, score=lambda levels: 0.5 + levels["depth"] / 50)
    hard = (study.scores["seed"] == 6) & (study.scores["phase"] == "confirm")
    study.scores["value"] -= 0.9 * hard
    lacking = without_runs(study, {"depth=1": {6}})
    macro = confirmed(lacking).query("language == 'macro'").groupby("arm")["value"].mean()
    assert macro.idxmax() == "depth=1"
    text = answered(lacking, monkeypatch)
    assert text.startswith("The arm depth=6 has the highest mean macro test accuracy. The difference from")
    assert (
        ", 5 seeds). These runs show that the best arm is above every other arm. Scope: for this" in text
    )  # those that chose it


def test_arms_without_a_seed_in_common_have_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    study = invented_study({"depth": (1, 3)}, search=2)
    study = without_runs(study, {"depth=1": {1, 2, 3}, "depth=3": {4, 5, 6}})
    assert answered(study, monkeypatch) == "There is no answer yet: no seed has confirm runs in all arms."


def test_an_arm_whose_printed_interval_holds_zero_is_not_said_to_win(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [("best", "next", 0.02, -0.001, 0.041, 0.06, 5), ("best", "last", 0.3, 0.2, 0.4, 0.001, 5)]
    columns = ["arm", "other", "estimate", "low", "high", "p", "seeds"]
    compared = pd.DataFrame(rows, columns=columns).assign(equivalent_within=0.05)
    monkeypatch.setattr(Results, "compared", compared)
    text = answered(invented_study({"depth": (1, 3, 6)}, search=2), monkeypatch)
    assert "The difference from the next arm, next, is +2.00 points (95% interval -0.10 to 4.10" in text
    assert "The interval contains 0: these runs do not show which of the two arms is better." in text
    assert "above every other arm" not in text


@pytest.mark.parametrize("p_holm", [0.03, 0.2])
def test_the_sign_of_the_largest_effect_is_told_by_its_corrected_test(
    p_holm: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = invented_study({"depth": (1, 3, 6)}, search=2)
    found = Results(study).effects
    monkeypatch.setattr(Results, "effects", found.assign(p_holm=p_holm, low=0.01))
    text = answered(study, monkeypatch)
    shown = "these runs show" if p_holm < 0.05 else "these runs do not show"
    assert (
        f"After Holm's correction for all 3 main effects, {shown} the sign of this effect (p {p_holm:.3f}); "
        "the interval is not corrected. Scope: " in text
    )


def test_the_default_of_a_hyperparameter_with_a_role_is_no_fact() -> None:
    study = invented_study({"depth": (1, 3)}, seeds=2, search=2)
    defaults = {"depth": "7", "learning_rate": "0.001", "batch_size": "16", "weight_decay": "0.01"}
    study = dataclasses.replace(study, facts=study.facts | defaults)
    (table,) = data_and_models(Results(study)).tables
    shown = {row[0]: row[1] for row in table.rows}
    assert not {"depth", "learning_rate", "batch_size"} & shown.keys()
    assert shown["weight_decay"] == "0.01"
