"""What one trial does: a student is built, trained, and scored per language.

The story on one screen: build the student, train it from report to report, score it, write its result.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from study.config import TrialConfig
from study.storage.artifacts import Store
from study.storage.attempts import (
    attempt_folder,
    attempt_folders,
    bring_attempts,
    read_ending,
    send_attempt,
    write_ending,
)
from study.trial.classifier import classifier_step, predict_logits
from study.trial.inputs import Inputs
from study.trial.losses.objective import objective
from study.trial.models.loading import quiet
from study.trial.models.student import build_student
from study.trial.models.trimming import full_size
from study.trial.progress import Progress
from study.trial.scores import Scores, add_retention, score
from study.trial.training import Numerics, Recipe, Training, report_steps

__all__ = ["read_result", "run_trial", "student_training"]


def run_trial(
    config: TrialConfig,
    store: Store,
    folder: Path,
    reports: int,
    test: bool,
    numerics: Numerics,
    attempt: int = 1,
    full_vocabulary: bool = False,
) -> Iterator[Progress]:
    """Train and score the student of `config`, reporting as it goes.

    Every input must be in `store` already. This attempt goes on from the newest checkpoint that one before
    it left in `folder`, and first reports again what was reported; one that has ended reports its record.
    The last report carries the result, which is on disk by then. Where the store has a mirror, checkpoints
    and result are there as well, and read from there. Test is scored only where `test` says so.
    The student is trained on the tokens of the task alone, or with `full_vocabulary` on all, which takes
    longer and gives the same numbers; its `parameters` are those of the whole one.
    """
    bring_attempts(folder, store.mirror)
    if (recorded := read_result(folder, config)) is not None:
        yield from recorded
        return
    own = attempt_folder(folder, attempt)
    inputs = Inputs(store, config, full_vocabulary)
    vocabulary = inputs.vocabulary
    student: Any = build_student(
        config, inputs.base_folder, inputs.teacher_folder, inputs.task.labels, vocabulary
    )
    student.to(numerics.device)
    parameters = full_size(student, vocabulary)
    training = student_training(student, inputs, numerics)

    def scores_on(name: str) -> Scores | None:
        """Scores on one split; none where an output is no number, of which argmax would make class 0."""
        split = inputs.split(name)
        logits = predict_logits(student, split, inputs.pad_id, numerics)
        if not np.isfinite(logits).all():
            return None
        scores = score(logits.argmax(axis=1), split.labels, split.languages, inputs.task.languages)
        return add_retention(scores, inputs.teacher_scores(name))

    history, began_on = training.restore(*attempt_folders(folder))
    # the last report is made once, with the result
    yield from (Progress(**report) for report in history if report["step"] < training.recipe.steps)
    outcome = "complete"
    for number, step in enumerate(report_steps(training.recipe.steps, reports), 1):
        if number <= len(history):
            continue
        interval = training.advance(step)
        started = time.perf_counter()
        scores = None if interval.diverged else scores_on("validation")
        training.seconds += time.perf_counter() - started
        if scores is None:
            outcome = "diverged"
            break
        progress = Progress(number, step, interval.loss, training.seconds, _now_ms(), scores)
        history.append(asdict(progress))
        last = step == training.recipe.steps
        if not last or test:  # what follows the last report is the result alone, or the test scores first
            training.save(own, history)
            send_attempt(own, store.mirror)
        if not last:
            yield progress

    result = {
        "key": config.key,
        "outcome": outcome,
        "config": config.effective(),
        "seconds": training.seconds,
        "ended_ms": _now_ms(),
        "steps": training.step,
        "parameters": parameters,
        "trained_tokens": student.config.vocab_size,
        "validation": history[-1]["validation"] if history else None,
        "test": scores_on("test") if test and outcome == "complete" else None,
        "numerics": asdict(numerics),
        "other_numerics_of_teacher": {
            what: other
            for what, theirs in inputs.teacher_scores("validation")["numerics"].items()
            if (other := numerics.differences(theirs))
        },
        "other_numerics_before": numerics.differences(began_on) if began_on else {},
    }
    own.mkdir(parents=True, exist_ok=True)
    if outcome == "complete":
        with quiet():
            student.save_pretrained(own / "student")
        if vocabulary is not None:
            vocabulary.save(own / "student")
    write_ending(own, history, result)
    send_attempt(own, store.mirror, ended=True)
    yield _last(history, result)


def read_result(folder: Path, config: TrialConfig) -> list[Progress] | None:
    """All reports of the trial that ended in `folder`, the last with its result; none if it has not."""
    if (record := read_ending(folder)) is None:
        return None
    if record["result"]["key"] != config.key:
        raise ValueError(f"{folder} holds the result of another trial")
    history = record["history"]
    whole = len(history) if record["result"]["outcome"] == "diverged" else len(history) - 1
    return [*(Progress(**report) for report in history[:whole]), _last(history, record["result"])]


def _last(history: list[dict[str, Any]], result: dict[str, Any]) -> Progress:
    """The report that carries the result: the last one made, or for a diverged trial one more."""
    if result["outcome"] == "diverged":
        number, seconds, time_ms = len(history) + 1, result["seconds"], result["ended_ms"]
        return Progress(number, result["steps"], None, seconds, time_ms, None, result)
    return Progress(**(history[-1] | {"result": result}))


def _now_ms() -> int:
    return int(time.time() * 1000)


def student_training(student: Any, inputs: Inputs, numerics: Numerics) -> Training:
    """`student` at its first step, on the data and towards the objective of its configuration."""
    config, train = inputs.config, inputs.split("train")
    rows = inputs.training_rows(train)
    step_loss = classifier_step(
        student,
        train,
        rows,
        inputs.pad_id,
        config.batch_size,
        config.seed,
        numerics.device,
        lambda logits, labels, targets: objective(logits, targets, labels, config),
        inputs.teacher_logits("train") if config.alpha < 1 else None,
    )
    recipe = Recipe(
        steps=config.training_steps(len(rows)),
        learning_rate=config.learning_rate,
        seed=config.seed,
        warmup=config.warmup,
        weight_decay=config.weight_decay,
        gradient_clip=config.gradient_clip,
    )
    return Training(student, step_loss, recipe, numerics)
