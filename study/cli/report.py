"""`kdstudy report`: what a study found. The answer is printed here, and the report is written as files.

Everything is read from MLflow's record alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.cli.console import breaks_words, listing, out, print_table, say
from study.cli.options import DEFAULT_HOME, OUTPUT, WHERE, HomesOption, StudyArgument
from study.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table
    from rich.text import Text

    from analysis.record.study_record import StudyRecord
    from analysis.verdict.results import Results

EFFECTS = "effects on validation accuracy (points, 95% intervals)"
FRONT = "the Pareto front (points of accuracy; no other trial is as good on validation at costs as low)"
ARMS = "arms (accuracy; means over confirm seeds; worst is a minimum of noisy numbers, so it is low)"

__all__ = ["frame_table", "print_findings", "report"]


def report(
    context: typer.Context,
    name: StudyArgument,
    homes: HomesOption = [DEFAULT_HOME],  # noqa: B006 (Typer copies it)
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            help="MLflow's URL of a study that has no home here; needs --out.", rich_help_panel=WHERE
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE,...",
            help="Print what is predicted at these values of varied hyperparameters, run or not.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="The folder of the report; the default is report/ in the study's folder of the first home.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
) -> None:
    """What a study found: the answer is printed, and a report is written as files.

    Examples:

    kdstudy report quickstart
    kdstudy report depth --home here --home there --out depth-report
    kdstudy report depth --tracking-uri http://mlflow:5000 --out depth-report
    kdstudy report sweep --at init=teacher,depth=2,data_fraction=0.05
    """
    from analysis.record.reading import read_studies
    from analysis.report.write import write_report
    from analysis.verdict.answer import answer
    from analysis.verdict.audit import gathered, remedies
    from analysis.verdict.results import Results
    from study.cli.publish import publish_if_old
    from study.cli.ui import ui_lines
    from study.home import Home

    the_homes = [Home.at(home) for home in homes]
    if tracking_uri is None:
        uris = [home.recorded_at(name) for home in the_homes]
        folder = to or the_homes[0].study(name) / "report"
    elif str(context.get_parameter_source("homes")).endswith("COMMANDLINE"):
        raise RequestError("--tracking-uri: replaces --home; give one of them")
    elif to is None:
        raise RequestError("--tracking-uri: needs --out as well, because no home has a place for the report")
    else:
        uris, folder = [tracking_uri], to
    results = Results(read_studies([(uri, name) for uri in uris]))
    if results.record.part:
        out.print(results.record.part, highlight=False, markup=False)
    print_findings(results)
    if at:
        _print_prediction(results, at)
    for sentence in answer(results):
        out.print(_with_emphasis(sentence), highlight=False)
    for finding in gathered(results.findings):
        out.print(str(finding), highlight=False, markup=False)
    for command, rules in remedies(results.findings).items():
        out.print(f"to lift findings ({rules}): {command}", highlight=False, markup=False)
    paths = write_report(results, folder)
    say(f"report     {folder / 'report.html'}")
    say(f"           and {len(paths) - 1} files beside it: tables, figures")
    if tracking_uri is None and len(the_homes) == 1 and name in the_homes[0].studies():
        publish_if_old(the_homes[0], name)
        for line in ui_lines(the_homes[0], name):
            say(line)


def _with_emphasis(paragraph: str) -> Text:
    """A paragraph of the answer, with its marks as bold and italics, if the terminal has them."""
    from rich.text import Text

    from analysis.verdict.emphasis import emphasised

    styles = {"strong": "bold", "em": "italic", "": ""}
    return Text.assemble(*((text, styles[kind]) for kind, text in emphasised(paragraph)))


def print_findings(results: Results) -> None:
    """Print the arms and the languages of what MLflow has on record, or the effects of what was varied."""
    from analysis.record.metric import in_words
    from analysis.verdict.summary import WIDEST, arms_summary, by_levels, languages_summary

    record = results.record
    if results.sweep is not None:
        _print_effects(results)
        _print_front(results)
        return
    _print_front(results)
    print_table(frame_table(arms_summary(record), in_words(record.metric, ARMS)))
    if (line := _why_nothing_is_selected(record)) is not None:
        say(line)
        return
    if len(record.arms) > WIDEST:
        text = f"accuracy per language of {len(record.arms)} arms: in report.html and per_language.csv"
        out.print(f"{in_words(record.metric, text)} (kdstudy report)", highlight=False)
        return
    for split in ("test", "validation"):
        languages = languages_summary(record, split)
        if len(languages):
            title = in_words(record.metric, f"accuracy per language, {split} (means over confirm seeds)")
            table = frame_table(languages.reset_index(), title)
            if breaks_words(table):
                title += f"; columns: {', '.join(record.scientific)}"
                table = frame_table(by_levels(languages, list(record.scientific)).reset_index(), title)
            print_table(table)


def _print_effects(results: Results) -> None:
    """Print the table of effects of a study that varies hyperparameters; nothing if there are none yet."""
    from analysis.report.sections.sweep import sweep_effects

    for table in sweep_effects(results).tables:
        columns = [column.replace(" ", "\n") for column in table.columns]
        print_table(listing(columns, [list(row) for row in table.rows], EFFECTS))


def _print_front(results: Results) -> None:
    """Print the Pareto front of a study with costs, the table of the report."""
    from analysis.record.metric import in_words
    from analysis.report.sections.front import front

    for table in front(results).tables:
        columns = [column.replace(" ", "\n") for column in table.columns]
        print_table(
            listing(columns, [list(row) for row in table.rows], in_words(results.record.metric, FRONT))
        )


def _print_prediction(results: Results, settings: Sequence[str]) -> None:
    """Print what the model of a sweep predicts at `settings`, each `key=value`.

    Raises:
        RequestError: if the study varies nothing, has no answer yet, or a setting is outside what was varied.
    """
    from analysis.sweep.predicted import predicted_text

    try:
        out.print(predicted_text(results.sweep, settings), highlight=False, markup=False)
    except ValueError as error:
        raise RequestError(f"--at: {error}") from None


def _why_nothing_is_selected(record: StudyRecord) -> str | None:
    """One line if the search has ended and no trial of any arm is complete; None otherwise."""
    search = record.trials[record.trials["phase"] == "search"]
    counts = search["outcome"].value_counts()
    ended = [f"{counts[name]} {name}" for name in ("pruned", "diverged", "failed") if name in counts]
    if record.best or not ended:
        return None
    advice = "training became unstable: choose lower values of learning_rate, under another --name"
    reason = f"; {advice}" if counts.get("diverged", 0) else ""
    return f"no search trial is complete, so no arm has scores ({', '.join(ended)}){reason}"


def frame_table(frame: pd.DataFrame, title: str) -> Table:
    """A data frame as it is."""
    columns = [str(column).replace(" ", "\n") for column in frame.columns]  # arms have long names
    return listing(columns, frame.astype(object).values.tolist(), title)
