"""What the command line prints: tables on stdout, everything else on stderr."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.measure import Measurement

if TYPE_CHECKING:
    from rich.table import Table

    from analysis.record.study_record import StudyRecord
    from study.cost import Cost, Time
    from study.home import Home
    from study.plan import Plan
    from study.trial.data.task import Task

__all__ = ["err", "out", "print_findings", "print_json", "print_plan", "print_status", "say_notes"]

out = Console(width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True)


def print_plan(
    plan: Plan, arms: Sequence[Mapping[str, Any]], cost: Cost, time: Time | None, memory: Mapping[str, Any]
) -> None:
    """What a study will do: each of `arms` with its budget and what is tuned in it; cost, memory, caveats."""
    from study.tables import cost_lines, listing, memory_line

    out.print(plan.space.question, style="bold", highlight=False)
    confirm = plan.space.confirm_seeds
    rows = [[arm["arm"], arm["search"], confirm, arm["search"] + confirm] for arm in arms]
    rows.append(["all", cost.search, cost.confirm, cost.trials])
    out.print(listing(["arm", "search", "confirm", "trials"], rows))
    nuisance = ["nuisance, tuned per arm", f"by {plan.space.sampler} search, from"]
    out.print(listing(nuisance, [[k, str(v)] for k, v in plan.space.nuisance.items()]))
    out.print(listing(["fixed, a caveat", "at"], [[k, str(v)] for k, v in plan.held().items()]))
    for line in cost_lines(cost, time, memory["at_once"] if memory["where"] else None):
        out.print(line, highlight=False, soft_wrap=True)
    if len({len(arm["tuned"]) for arm in arms}) > 1:
        few, many = (pick(arms, key=lambda arm: len(arm["tuned"])) for pick in (min, max))
        out.print(
            f"a caveat: on the same budget {few['arm']} tunes {', '.join(few['tuned']) or 'nothing'}, "
            f"{many['arm']} {', '.join(many['tuned'])}",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    out.print(memory_line(memory), highlight=False, soft_wrap=True)


def print_findings(record: StudyRecord) -> None:
    """The arms and the languages of what MLflow has on record."""
    from analysis.verdict.summary import WIDEST, arms_summary, by_levels, languages_summary
    from study.tables import frame_table

    out.print(frame_table(arms_summary(record), "arms (accuracy; means over confirm seeds)"))
    if len(record.arms) > WIDEST:
        text = f"accuracy per language of {len(record.arms)} arms: in report.html and per_language.csv"
        out.print(f"{text} (kdstudy report)", highlight=False)
        return
    for split in ("test", "validation"):
        languages = languages_summary(record, split)
        if len(languages):
            title = f"accuracy per language, {split} (means over confirm seeds)"
            table = frame_table(languages.reset_index(), title)
            if _breaks_words(table):
                title += f"; columns: {', '.join(record.scientific)}"
                table = frame_table(by_levels(languages, list(record.scientific)).reset_index(), title)
            out.print(table)


def _breaks_words(table: Table) -> bool:
    """Whether the terminal is too narrow for the longest word of every column."""
    return Measurement.get(out, out.options.update(width=10_000), table).minimum > out.width


def print_status(found: Mapping[str, Any], home: Home) -> None:
    """One study's counts, and what its failures, its driver and its debts to MLflow are."""
    from study.tables import status_table

    out.print(status_table(found))
    for line in _status_lines(found, home):
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def _status_lines(found: Mapping[str, Any], home: Home) -> list[str]:
    """What a status says besides its table."""
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


def say_notes(task: Task) -> None:
    """What is worth knowing of a task as it was loaded."""
    for note in task.notes:
        err.print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """On stdout, whatever its width."""
    print(json.dumps(value, ensure_ascii=False, indent=1))
