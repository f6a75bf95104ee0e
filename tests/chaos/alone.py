"""The same trials, each alone: what `kdstudy trial` says of them, to be compared to the last bit."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.whole import Whole, rows_of
from tests.processes import Running

__all__ = ["Alone", "check_alone", "check_command", "settings_of"]

TEACHER = ("teacher_steps", "teacher_batch_size", "teacher_learning_rate")
SET = ("init", "alpha", "learning_rate", "steps", "batch_size", "depth", "seed", "data_seed", *TEACHER)


@dataclass
class Alone:
    """Trials run by themselves in this process, each once: studies of one space ask for the same again."""

    artifacts: Path
    reports: int
    known: dict[str, dict[tuple[str, int], float]] = field(default_factory=dict)

    def rows(self, record: Any) -> dict[tuple[str, int], float]:
        """(metric, step) -> value of the whole trial, as MLflow should have it; of a confirm run test too."""
        if record.key not in self.known:
            self.known[record.key] = self._run(record)
        return self.known[record.key]

    def _run(self, record: Any) -> dict[tuple[str, int], float]:
        from study.storage.artifacts import Store
        from study.trial.job import TrialJob
        from study.trial.trial import run_trial

        config, store, test = record.config, Store(self.artifacts), record.phase == "confirm"
        found: dict[tuple[str, int], float] = {}
        with tempfile.TemporaryDirectory() as folder:
            job = TrialJob(config, store, Path(folder), self.reports, test, reports_start=test)
            for progress in run_trial(job):
                report = asdict(progress)
                found |= flat("validation", report["validation"], report["step"])
                if report["loss"] is not None:
                    found["loss", report["step"]] = report["loss"]
                if report["result"]:
                    found |= of_result(report["result"])
        return found


def of_result(result: dict[str, Any]) -> dict[tuple[str, int], float]:
    """What a result has beside the last report, and of it the validation scores again."""
    step = result["steps"]
    scores = flat("validation", result["validation"], step) | flat("test", result["test"], step)
    parameters = float(result["parameters"])
    return scores | {("parameters", step): parameters, ("size_mb", step): 4 * parameters / 1e6}


def flat(split: str, scores: dict[str, Any] | None, step: int) -> dict[tuple[str, int], float]:
    """`split/metric/language`, `.../macro` and `.../worst`, at `step`."""
    found: dict[tuple[str, int], float] = {}
    for metric in ("accuracy", "macro_f1", "retention"):
        values = (scores or {}).get(metric) or {}
        named = {**values.get("by_language", {}), **{k: values.get(k) for k in ("macro", "worst")}}
        found |= {(f"{split}/{metric}/{name}", step): v for name, v in named.items() if v is not None}
    return found


def check_alone(whole: Whole, alone: Alone) -> list[str]:
    """Every key against its trial run alone, on the steps that both have: all metrics, equal to the bit.

    A trial that was not pruned has all steps.
    """
    wrong = []
    for record in whole.records:
        on_record, expected = rows_of(whole, record.key), alone.rows(record)
        if record.outcome == "pruned":
            steps = {step for _, step in on_record}
            expected = {at: value for at, value in expected.items() if at[1] in steps}
        if not on_record or on_record != {at: [value] for at, value in expected.items()}:
            wrong.append(f"{record.key[:8]}: another trial than alone")
    return wrong


def settings_of(record: Any) -> list[str]:
    """The options of `kdstudy trial` that ask for the trial of `record`."""
    return [part for name in SET for part in ("--set", f"{name}={getattr(record.config, name)}")]


def check_command(whole: Whole, record: Any, command: Running) -> list[str]:
    """The complete trial `record` against what the command `kdstudy trial --json` says of it."""
    answer = command.finish()
    if answer.code != 0:
        return [f"kdstudy trial: {answer.err}"]
    result = json.loads(answer.out)
    on_record, said = rows_of(whole, record.key), of_result(result)
    differ = [at for at, value in said.items() if at in on_record and on_record[at] != [value]]
    lacking = [at for at in on_record if at[1] == result["steps"] and at not in said and at[0] != "loss"]
    if result["key"] != record.key or differ or lacking:
        return [f"{record.key[:8]}: another trial than by the command: {differ} {lacking}"]
    return []
