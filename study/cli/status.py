"""`kdstudy status`: how far a study is.

The counts are true from any process: while the study runs, after a kill, and when Ray is gone.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.cli import completion
from study.cli.console import listing, note, print_json, print_table, say
from study.cli.options import DEFAULT_HOME, OUTPUT, HomeOption, JsonOption
from study.errors import RequestError, StudyStopped, first_line, no_permission
from study.selection import SEEN

if TYPE_CHECKING:
    from rich.table import Table

    from study.home import Home

__all__ = ["front_table", "read_status", "status", "status_table"]

FEW = 6
"""So many unseen languages are named; of more, the number."""
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
    from study.cli.ui import ui_lines
    from study.home import Home

    the_home = Home.at(home)
    if name is None:
        return _all_studies(the_home, sync, as_json)
    if sync:
        _sync(the_home, name)
    found = read_status(the_home, name)
    if as_json:
        return print_json(found)
    print_table(status_table(found))
    if found["front"]:
        print_table(front_table(found["front"]))
    for line in [*_lines(found, the_home), *ui_lines(the_home, name)]:
        say(line)
    return None


def _sync(home: Home, name: str) -> None:
    from study.cli.publish import publish
    from study.tracking.sync import sync_study

    note(f"{name}: {sync_study(home, name)} trials sent to MLflow")
    publish(home, name, again=True)


def _all_studies(home: Home, sync: bool, as_json: bool) -> None:
    """Print a row for each study of the home; the row of a study that cannot be read has the reason.

    Raises:
        typer.Exit: 1 if a study cannot be read.
    """
    rows, broken = [], {}
    for name in home.studies():
        try:
            if sync:
                _sync(home, name)
            rows.append(read_status(home, name))
        except (RequestError, StudyStopped, OSError) as error:
            broken[name] = no_permission(error) or first_line(error)
            rows.append({"name": name, "error": broken[name]})
    if as_json:
        print_json(rows)
    else:
        columns = ["name", "space", *COUNTS]
        print_table(listing(columns, [[row.get(column) for column in columns] for row in rows]))
        for name, why in broken.items():
            note(f"{name} cannot be read: {why}")
    if broken:
        raise typer.Exit(1)


def read_status(home: Home, name: str) -> dict[str, Any]:
    """`summary` of a study in `home`, with its driver, what MLflow lacks, and why trials failed.

    Raises:
        RequestError: if there is no such study, or its ledger is lost or cannot be read.
        StudyStopped: if its ledger is locked for long.
        PermissionError: if this user may not read the study.
    """
    from study.ledger.progress import summary
    from study.ledger.study import OpenStudy
    from study.tracking.journal import find_unsent, unsent_mark

    study = OpenStudy.at(home, name, looks=True)
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


def front_table(front: Sequence[Mapping[str, Any]]) -> Table:
    """The Pareto front of a study: each student with its score on validation, its costs and its values."""
    from study.planning.costs import find_cost

    costs = [find_cost(name) for name in front[0]["costs"]]
    names = list(dict.fromkeys(name for student in front for name in student["values"]))
    arm = ["arm"] * any(student["arm"] != "all" for student in front)

    def shown(value: Any) -> Any:
        return f"{value:.4g}" if isinstance(value, float) else value

    rows = [
        [
            student["key"][:8],
            *(student["arm"] for _ in arm),
            student["value"],
            *(student["costs"][c.name] if c.unit else int(student["costs"][c.name]) for c in costs),
            *(shown(student["values"].get(name)) for name in names),
        ]
        for student in front
    ]
    title = "the Pareto front on validation: no other trial has a higher score at costs as low"
    return listing(["trial", *arm, "best", *(c.name for c in costs), *names], rows, title)


def _draw(found: Mapping[str, Any]) -> str:
    """Which draw of seeds and search points the study is."""
    first, tunings = found["seed_block"], found["tunings"]
    if tunings == 1:
        return f"seed block {first}"
    return f"seed blocks {first} to {first + tunings - 1}, one for each of {tunings} tunings"


def _unseen(found: Mapping[str, Any]) -> list[str]:
    """Which languages students are not trained on, and which languages select; nothing if they see all."""
    sets: dict[tuple[str, ...], list[str]] = {}
    for arm in found["arms"]:
        if arm["unseen"]:
            sets.setdefault(tuple(arm["unseen"]), []).append(arm["arm"])
    lines = []
    for unseen, arms in sets.items():
        whose = "all arms" if len(arms) == len(found["arms"]) else ", ".join(arms)
        which = ", ".join(unseen) if len(unseen) <= FEW else f"{len(unseen)} languages"
        lines.append(f"unseen in {whose}: {which}")
    if lines:
        of = "seen languages alone" if found["select_on"] == SEEN else "all languages"
        lines.append(f"best: by macro validation accuracy over {of}")
    return lines


def _lines(found: Mapping[str, Any], home: Home) -> list[str]:
    """What a status prints below its table: failures, the driver, and what MLflow lacks."""
    lines = [f"failed {key[:8]}: {why}" for key, why in found["reasons"].items()]
    lines += [f"\n{key[:8]}\n{text.rstrip()}" for key, text in found["tracebacks"].items()]
    lines += _unseen(found)
    lines.append(_draw(found))
    if (driver := found["driver"]) is not None:
        lines.append(f"run by process {driver['pid']} on {driver['host']}, since {driver['since']}")
    elif found["waiting"]:
        lines.append(f"not running; go on with: kdstudy resume {shlex.quote(found['name'])}{home.option}")
    if found["unsent"] or found["study_unsent"]:
        many = found["unsent"]
        what = f"{many} trial{'s' * (many != 1)}" if many else "the study's own runs"
        lines.append(f"MLflow may lack something of {what}: --sync sends it")
    return lines
