"""`kdstudy status`: how far a study is.

The counts are true from any process: while the study runs, after a kill, and when Ray is gone.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.cli import completion
from study.cli.console import listing, note, print_json, print_table, say
from study.cli.options import DEFAULT_HOME, OUTPUT, HomeOption, JsonOption

if TYPE_CHECKING:
    from rich.table import Table

    from study.home import Home

__all__ = ["read_status", "status", "status_table"]

COUNTS = ("planned", "complete", "pruned", "diverged", "failed", "running", "waiting")


def status(
    name: Annotated[
        str | None,
        typer.Argument(
            help="The name of the study; the default is all studies.", autocompletion=completion.studies
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    sync: Annotated[
        bool,
        typer.Option("--sync", help="First send to MLflow what MLflow lacks.", rich_help_panel=OUTPUT),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """How far a study is.

    Examples:

    kdstudy status
    kdstudy status quickstart --json
    """
    from study.home import Home

    the_home = Home.at(home)
    names = the_home.studies() if name is None else [name]
    if sync:
        from study.tracking.sync import sync_study

        for each in names:
            note(f"{each}: {sync_study(the_home, each)} trials sent to MLflow")
    all_found = [read_status(the_home, each) for each in names]
    if as_json:
        print_json(all_found if name is None else all_found[0])
    elif name is None:
        columns = ["name", "space", *COUNTS]
        print_table(listing(columns, [[each[c] for c in columns] for each in all_found]))
    else:
        print_table(status_table(all_found[0]))
        for line in _lines(all_found[0], the_home):
            say(line)


def read_status(home: Home, name: str) -> dict[str, Any]:
    """`summary` of a study in `home`, with its driver, what MLflow lacks, and why trials failed.

    Raises:
        RequestError: if there is no such study.
    """
    from study.ledger.progress import summary
    from study.ledger.study import OpenStudy
    from study.tracking.journal import find_unsent, unsent_mark

    study = OpenStudy.at(home, name)
    plan, records = study.ledger.require_plan(), study.ledger.records()
    holder = study.driver()
    found = summary(plan, records, driver=None if holder is None else holder.holder)
    texts = {key: study.trials / key / "traceback.txt" for key in found["reasons"]}
    return found | {
        "driver": holder and {"host": holder.host, "pid": holder.pid, "since": holder.since},
        "unsent": 0 if holder else len(find_unsent(study.trials)),
        "study_unsent": holder is None and unsent_mark(study.folder).exists(),
        "tracebacks": {key: path.read_text("utf-8") for key, path in texts.items() if path.exists()},
    }


def status_table(summary: Mapping[str, Any]) -> Table:
    """The counts of a study, arm by arm, and the best validation score of each arm."""
    rows = [
        [arm["arm"], *(arm[c] for c in COUNTS), arm["best"]["value"] if arm["best"] else None]
        for arm in summary["arms"]
    ]
    rows.append(["all", *(summary[c] for c in COUNTS), summary["best"]["value"] if summary["best"] else None])
    return listing(["arm", *COUNTS, "best"], rows, f"study {summary['name']}")


def _lines(found: Mapping[str, Any], home: Home) -> list[str]:
    """What a status prints below its table: failures, the driver, and what MLflow lacks."""
    lines = [f"failed {key[:8]}: {why}" for key, why in found["reasons"].items()]
    lines += [f"\n{key[:8]}\n{text.rstrip()}" for key, text in found["tracebacks"].items()]
    if (driver := found["driver"]) is not None:
        lines.append(f"run by process {driver['pid']} on {driver['host']}, since {driver['since']}")
    elif found["waiting"]:
        lines.append(f"not running; go on with: kdstudy resume {shlex.quote(found['name'])}{home.option}")
    if found["unsent"] or found["study_unsent"]:
        many = found["unsent"]
        what = f"{many} trial{'s' * (many != 1)}" if many else "the study's own runs"
        lines.append(f"MLflow may lack something of {what}: --sync sends it")
    return lines
