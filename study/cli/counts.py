"""The data of a study, counted: rows, labels and what the tokenizer reads, by language and split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from study.cli.console import listing

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from study.planning.resolve import Resolved
    from study.planning.shares import Share
    from study.trial.data.findings.reading import Count

__all__ = ["counts_as_json", "counts_table", "print_counts"]

HEADS = ("rows", "lab", "emp", "unk")
LEGEND = "lab: labels; emp: texts without a token of their own; unk: per cent of unknown characters"


def print_counts(wanted: Resolved, console: Console) -> None:
    """Print the counts of the data on `console`, and what each data fraction comes to."""
    counts = wanted.reading.counts
    console.print(counts_table(counts))
    console.print(LEGEND, highlight=False, soft_wrap=True)
    all_of = [count for split in counts.values() for count in split.values()]
    if read := max((count.read for count in all_of if count.read < count.rows), default=0):
        text = f"emp and unk are of {read} texts of each language and split, evenly spaced"
        console.print(text, highlight=False, soft_wrap=True)
    if any(share.fraction < 1 for share in wanted.shares):
        console.print(_shares_table(wanted.shares))


def counts_as_json(wanted: Resolved) -> dict[str, Any]:
    """The counts by split and language, and the data fractions, as JSON has them."""
    counts = wanted.reading.counts
    return {
        "data": {split: {name: asdict(count) for name, count in of.items()} for split, of in counts.items()},
        "fractions": [asdict(share) for share in wanted.shares],
    }


def counts_table(counts: Mapping[str, Mapping[str, Count]]) -> Table:
    """One line for each language: for each split the rows, labels, empty texts and per cent unknown."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    table.add_column("\nlanguage", overflow="fold")
    for split in counts:
        for i, head in enumerate(HEADS):
            title = split[:5] if i == 0 else ""
            table.add_column(f"{title}\n{head}", justify="right", no_wrap=True, min_width=0 if i else 6)
    for language in next(iter(counts.values())):
        table.add_row(language, *(text for of in counts.values() for text in _cells(of[language])))
    return table


def _cells(count: Count) -> tuple[str, str, str, str]:
    unknown = "-" if count.unknown is None else _percent(count.unknown)
    return str(count.rows), str(count.labels), "-" if count.empty is None else str(count.empty), unknown


def _percent(share: float) -> str:
    """A share in per cent: a little is not nothing."""
    return "0" if share == 0 else "<1" if share < 0.01 else f"{100 * share:.0f}"


def _shares_table(shares: Sequence[Share]) -> Table:
    rows = []
    for share in shares:
        least, most = (pick(share.by_language, key=lambda x: share.by_language[x]) for pick in (min, max))
        ends = (f"{share.by_language[name]:.1%} {name}" for name in (least, most))
        rows.append([share.name.removeprefix("data_fraction="), share.rows, f"{share.share:.1%}", *ends])
    return listing(["data_fraction", "rows", "comes to", "least", "most"], rows)
