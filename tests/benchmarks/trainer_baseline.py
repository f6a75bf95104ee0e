"""The whole product against what a user would write with the stock libraries, on the same task.

Run as: python -m tests.benchmarks.trainer_baseline [--data FOLDER] [--only embedded|xlmr_base_shape]
            [--trials N] [--steps N] [--rounds N] [--seeds N]
Without --data: the folder that KDSTUDY_BENCH_DATA names, else phrasebook. Writes
bench-results/trainer_baseline.json.

Theirs is `trainer_driver.py`; ours is `kdstudy run` in a new home. Both get folders of the same task, base
model and teacher, made beforehand, copy every second layer of the teacher, search the same learning rates
for as many trials of as many steps of 32 texts, and score validation per language at the same steps. Trials
per hour counts the wall time of the whole command: interpreter, Ray, tokenising, the teacher's outputs
(which ours computes once for all trials), MLflow, weights on disk. Rounds of theirs and ours alternate; the
ratio is the median over rounds.

At the embedded size final accuracies are compared by two one-sided t tests (Schuirmann 1987) over fresh
seeds at one learning rate: equivalent where the 90% interval of the difference lies within +-`MARGIN`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console

from study.cli.console import listing
from study.storage.attempts import read_ending
from tests.benchmarks.measured import ROOT, Measured, machine, run_measured
from tests.benchmarks.shapes import SHAPES, Prepared, Shape, prepare, read_task
from tests.benchmarks.tost import tost
from tests.benchmarks.trainer_driver import Settings
from tests.processes import COMMAND

MARGIN = 0.02  # of macro accuracy

RATIOS = {"ratio": "seconds", "ratio_cpu": "cpu_seconds", "ratio_per_step": "seconds_per_step"}

SPACE = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="ours",
    nuisance={nuisance},
    fixed={fixed},
    trials={trials}, confirm_seeds={confirm_seeds}, reports={reports}, sampler="tpe",
)
"""


def theirs(settings: Settings, folder: Path) -> tuple[Measured, list[dict[str, Any]]]:
    """Run the baseline in `folder`; its trials."""
    folder.mkdir(parents=True)
    file = folder / "settings.json"
    file.write_text(json.dumps(asdict(replace(settings, home=str(folder)))), encoding="utf-8")
    driver = Path(__file__).with_name("trainer_driver.py")
    measured = run_measured([sys.executable, driver, file], folder / "log")
    return measured, json.loads((folder / "trials.json").read_text(encoding="utf-8"))


def ours(settings: Settings, prepared: Prepared, folder: Path) -> tuple[Measured, list[dict[str, Any]]]:
    """Run `kdstudy run` in `folder`; its trials."""
    folder.mkdir(parents=True)
    rates = settings.learning_rate
    searched = len(rates) == 2
    fixed = {
        "steps": settings.steps,
        "batch_size": settings.batch_size,
        "max_length": settings.max_length,
        "alpha": settings.alpha,
        "temperature": settings.temperature,
    } | ({} if searched else {"learning_rate": rates[0]})
    space = folder / "ours.py"
    values = {
        "nuisance": f"{{'learning_rate': Range(low={rates[0]}, high={rates[-1]}, log=True)}}"
        if searched
        else {},
        "fixed": fixed,
        "trials": settings.trials if searched else 1,
        "confirm_seeds": 0 if searched else len(settings.seeds) - 1,  # the search trial has seed 0
        "reports": settings.reports,
    }
    space.write_text(SPACE.format(**values), encoding="utf-8")
    where: list[str | Path] = ["--home", folder / "home", "--concurrency", str(settings.concurrency)]
    what: list[str | Path] = [
        "--task",
        prepared.task,
        "--model",
        prepared.base,
        "--teacher",
        prepared.teacher,
    ]
    command = [sys.executable, COMMAND, "run", space, *what, *where]
    measured = run_measured([*command, "--cpus-per-trial", str(settings.cpus)], folder / "log")
    trials = []
    for one in (folder / "home" / "studies" / "ours" / "trials").iterdir():
        record = read_ending(one)
        assert record is not None, one
        last, result = record["history"][-1], record["result"]
        config, accuracy = result["config"], result["validation"]["accuracy"]["macro"]
        trials.append(
            {
                "learning_rate": config["learning_rate"],
                "seed": config["seed"],
                "loss": last["loss"],
                "accuracy": accuracy,
                "seconds": result["seconds"],
                "step": result["steps"],
            }
        )
    return measured, trials


def compare(
    shape: Shape, prepared: Prepared, settings: Settings, rounds: int, folder: Path
) -> dict[str, Any]:
    """`rounds` of theirs and ours in turn; figures of each round and the ratio of trials per hour."""
    found = []
    for number in range(rounds):
        pair = {}
        for side in ("theirs", "ours") if number % 2 == 0 else ("ours", "theirs"):
            place = folder / f"{side}-{number}"
            measured, trials = (
                theirs(settings, place) if side == "theirs" else ours(settings, prepared, place)
            )
            assert len(trials) == settings.trials, (side, len(trials))
            pair[side] = {
                "seconds": measured.seconds,
                "cpu_seconds": measured.cpu_seconds,
                "cpu_by_process": measured.by_process,
                "trials_per_hour": 3600 * len(trials) / measured.seconds,
                "seconds_per_step": median(one["seconds"] / one["step"] for one in trials),
                "peak_mib": measured.peak_mib,
                "loss": float(np.mean([one["loss"] for one in trials])),
                "accuracy": float(np.mean([one["accuracy"] for one in trials])),
                "best_accuracy": max(one["accuracy"] for one in trials),
                "trials": trials,
            }
        ratios = {name: pair["theirs"][of] / pair["ours"][of] for name, of in RATIOS.items()}
        found.append(pair | ratios)
    return {
        **{name: median(one[name] for one in found) for name in RATIOS},
        "settings": {k: v for k, v in asdict(settings).items() if k not in ("task", "teacher", "home")},
        "rows": dict(shape.rows),
        "rounds": found,
    }


def equivalence(settings: Settings, prepared: Prepared, folder: Path) -> dict[str, Any]:
    """Final validation accuracy of both sides over seeds, and the two one-sided t tests of it."""
    accuracies = {
        "theirs": [one["accuracy"] for one in theirs(settings, folder / "theirs")[1]],
        "ours": [one["accuracy"] for one in ours(settings, prepared, folder / "ours")[1]],
    }
    return accuracies | tost(accuracies["ours"], accuracies["theirs"], MARGIN)


def run_shape(shape: Shape, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Everything at one shape."""
    prepared = prepare(shape, read_task(options.data), folder / "prepared")
    settings = Settings(
        task=str(prepared.task),
        teacher=str(prepared.teacher),
        home="",
        learning_rate=shape.learning_rates,
        seeds=(0,),
        trials=options.trials or shape.trials,
        steps=options.steps or shape.steps,
        reports=shape.reports,
        alpha=0.5,
        temperature=2.0,
        batch_size=32,
        max_length=128,
        cpus=shape.cpus,
        concurrency=shape.concurrency,
    )
    found = compare(shape, prepared, settings, options.rounds, folder)
    if shape.teacher_steps and options.seeds:
        middle = math.sqrt(math.prod(shape.learning_rates))
        seeds = tuple(range(options.seeds))
        of_seeds = replace(settings, learning_rate=(middle,), seeds=seeds)
        found["equivalence"] = equivalence(of_seeds, prepared, folder / "seeds")
    return found


def show(console: Console, name: str, found: dict[str, Any]) -> None:
    """The table of one shape: medians over rounds."""
    rows = []
    for side, label in (("theirs", "Trainer, Ray Tune, Optuna, MLflow"), ("ours", "kdstudy run")):
        of = {
            k: median(r[side][k] for r in found["rounds"])
            for k in found["rounds"][0][side]
            if not k.endswith(("trials", "process"))
        }
        hours, step = round(of["trials_per_hour"], 1), round(of["seconds_per_step"], 3)
        rows.append(
            [
                label,
                hours,
                round(of["cpu_seconds"]),
                step,
                round(of["peak_mib"]),
                of["loss"],
                of["accuracy"],
                of["best_accuracy"],
            ]
        )
    rows.append(["ratio", *(round(found[name], 2) for name in RATIOS), *[None] * 4])
    columns = ["", "trials/hour", "CPU s", "s/step", "peak MiB", "loss", "accuracy", "best"]
    s = found["settings"]
    title = (
        f"{name}: {s['trials']} trials of {s['steps']} steps x {s['batch_size']}, {s['concurrency']} at once"
    )
    console.print(listing(columns, rows, title))
    if "equivalence" in found:
        e = found["equivalence"]
        low, high = e["interval_90"]
        said = "equivalent" if e["equivalent"] else "NOT shown equivalent"
        console.print(
            f"accuracy over {len(e['ours'])} seeds, ours - theirs: {e['difference']:+.4f}, "
            f"90% interval {low:+.4f} to {high:+.4f}, margin {e['margin']}: {said} (p = {e['p']:.2g})\n"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the task")
    parser.add_argument("--only", choices=sorted(SHAPES), help="one shape")
    parser.add_argument("--trials", type=int, help="trials of a run")
    parser.add_argument("--steps", type=int, help="steps of a trial; a multiple of its reports")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each side")
    parser.add_argument("--seeds", type=int, default=8, help="seeds of the equivalence test; 0 leaves it out")
    options = parser.parse_args()
    console = Console(width=120)
    results = Path("bench-results")
    results.mkdir(exist_ok=True)
    file = results / "trainer_baseline.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    found = known | {"machine": machine()}
    console.print(found["machine"])
    for name in [options.only] if options.only else list(SHAPES):
        with tempfile.TemporaryDirectory(prefix="kdstudy-bench-") as folder:
            found[name] = run_shape(SHAPES[name], options, Path(folder))
        found[name]["machine"] = found["machine"]
        file.write_text(json.dumps(found, indent=1), encoding="utf-8")
        show(console, name, found[name])


if __name__ == "__main__":
    assert Path.cwd() == ROOT, f"run it in {ROOT.name}'s folder"
    main()
