"""One real study, repeated: does its interval hold the difference that a far larger study finds?

Run as: python -m tests.benchmarks.scrambles [--studies N] [--home DIR]
Prints a row for each study, writes bench-results/scrambles.json. A home that has some of the studies already
is gone on with.

The question is small: copied against random students on the embedded task, at the budget of the quickstart.
Each study has a seed block of its own, so other learning rates are tried, at other seeds, on other samples of
the data. The yardstick is a study with many trials and many confirm seeds in a further block. The intervals
are those of the report without the part of the test texts, because all studies have the same test texts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from analysis.record.reading import read_study
from analysis.statistics.effects.estimates import THESE_LANGUAGES
from analysis.verdict.results import Results
from study.cli.console import listing
from study.home import Home

SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="Does a student profit from the teacher's weights?",
    scientific={"init": ("random", "teacher")},
    nuisance={"learning_rate": Range(low=1e-4, high=3e-3, log=True)},
    fixed={"alpha": 1.0, "steps": 120, "data_fraction": 0.1},
    trials=6,
    confirm_seeds=3,
    reports=1,
)
"""
BLOCK = 7000
"""The seed block of the first study; the yardstick has the block before it."""
YARDSTICK = ("--trials", "48", "--confirm-seeds", "20")


@dataclass(frozen=True)
class Answer:
    """Copied minus random students, macro test accuracy, with its 95% interval."""

    block: int
    estimate: float
    low: float
    high: float

    def holds(self, truth: float) -> bool:
        """Whether the interval holds the difference `truth`."""
        return self.low <= truth <= self.high


def answer_of(home: Path, block: int, *budget: str) -> Answer:
    """Run the study of `block` in `home`, or go on with it, and read its answer from MLflow."""
    space, name = home / "scrambles.py", f"scramble-{block}"
    space.write_text(SPACE, encoding="utf-8")
    command = [Path(sys.executable).with_name("kdstudy"), "run", space, "--home", home, "--name", name]
    command += ["--seed-block", str(block), *budget]
    with (home / f"{name}.log").open("wb") as log:
        subprocess.run(list(map(str, command)), check=True, stdout=log, stderr=log)
    results = Results(replace(read_study(Home.at(home).tracking_uri, name), answers={}))
    found = results.effects
    of_init = (found["kind"] == "main") & (found["factor"] == "init")
    (row,) = found[
        of_init & (found["outcome"] == "macro") & (found["estimand"] == THESE_LANGUAGES)
    ].itertuples()
    return Answer(block, float(row.estimate), float(row.low), float(row.high))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    home = arguments.home or Path(tempfile.mkdtemp(prefix="scrambles-"))
    home.mkdir(parents=True, exist_ok=True)
    console = Console(width=100)
    truth = answer_of(home, BLOCK - 1, *YARDSTICK)
    answers = [answer_of(home, BLOCK + number) for number in range(arguments.studies)]
    rows = [
        [
            str(each.block),
            *(f"{100 * value:.1f}" for value in (each.estimate, each.low, each.high)),
            "yes" if each.holds(truth.estimate) else "no",
        ]
        for each in answers
    ]
    held = sum(each.holds(truth.estimate) for each in answers)
    error = (truth.high - truth.low) / 2
    console.print(listing(["seed block", "copied - random, points", "low", "high", "holds it"], rows))
    console.print(
        f"Yardstick: {100 * truth.estimate:.1f} points, +-{100 * error:.1f}. "
        f"The intervals of {held} of {len(answers)} studies hold it."
    )
    target = Path("bench-results/scrambles.json")
    target.parent.mkdir(exist_ok=True)
    found = {"yardstick": asdict(truth), "answers": [asdict(each) for each in answers], "held": held}
    target.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
