"""A working directory with what requests name: a task, a model and a space, and others that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ON", "RUN", "SPACE", "SPOILT", "TRIAL", "Place", "spoil_task"]

ON = "--task {task} --model {model}"
RUN = f"run {{space}} {ON}"
TRIAL = f"trial {ON}"

SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="?",
    scientific={"init": ("teacher", "random"), "alpha": (0.5, 1.0)},
    nuisance={"learning_rate": Range(low=1e-4, high=1e-2, log=True)},
    fixed={"depth": "1/2", "steps": 50},
    trials=2,
    confirm_seeds=3,
)
"""

SPOILT: dict[str, Callable[[str], str]] = {
    "columns": lambda line: line.replace('"label"', '"class"'),
    "broken": lambda line: line[:-3],
    "reserved": lambda line: line.replace('"deu"', '"macro"'),
}
"""Copies of the task that are wrong, and what was done to lines of their dev file."""


@dataclass(frozen=True)
class Place:
    """A working directory that a test may change."""

    folder: Path

    def filled(self, arguments: str) -> list[str]:
        """`arguments`, split at spaces; `{x}` stands for the file or folder here called x."""
        here = {path.stem: str(path) for path in self.folder.iterdir()}
        return [part.format(**here).replace("\\n", "\n") for part in arguments.split()]


def spoil_task(folder: Path, name: str) -> None:
    """Make the task in `folder` wrong in the way called `name`."""
    file = folder / "dev.jsonl"
    lines = file.read_text("utf-8").splitlines()
    for number in range(len(lines)) if name == "reserved" else (4 if name == "broken" else 0,):
        lines[number] = SPOILT[name](lines[number])
    file.write_text("\n".join(lines), "utf-8")
