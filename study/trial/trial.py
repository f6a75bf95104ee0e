"""One trial: a student is built, trained, and scored per language.

The story on one screen: build the student, train it from report to report, score it, write its result.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from study.storage.attempts import (
    PREDICTIONS,
    TEXTS,
    attempt_folder,
    attempt_folders,
    bring_attempts,
    send_attempt,
    write_ending,
)
from study.trial.classifier import TrainingData, classifier_step, predict_logits
from study.trial.inputs import Inputs
from study.trial.job import TrialJob
from study.trial.latency import latency_here
from study.trial.losses.objective import objective
from study.trial.models.loading import quiet
from study.trial.models.student import build_student
from study.trial.models.trimming import full_size
from study.trial.outputs import Outputs, write_predictions, write_texts
from study.trial.progress import Progress
from study.trial.result import last_report, read_result
from study.trial.training import Numerics, Recipe, Training, report_steps

__all__ = ["run_trial", "student_training"]


def run_trial(job: TrialJob) -> Iterator[Progress]:
    """Train and score the student of `job.config`, and report on the way.

    Every input must be in `job.store` already. This attempt goes on from the newest checkpoint that an
    earlier attempt left in `job.folder`, and first makes the earlier reports again. If the trial has ended,
    the attempt makes the reports of its result and trains nothing.
    The last report carries the result, which is on disk by then. If `job.reports_start` is true, report 0 has
    the scores of the student as it was initialised. If the store has a mirror, checkpoints and result are
    stored there as well, and read from there. Test is scored only if `job.test` is true; two files beside the
    result then say which test texts were correct, and what was predicted for each. If `job.latency` is true,
    the result has the latency of the student's shape on this device.
    The student is trained on the tokens of the task alone, or with `job.full_vocabulary` on all tokens, which
    takes longer and gives the same numbers; the `parameters` in the result count the whole student.
    """
    config, store, folder = job.config, job.store, job.folder
    bring_attempts(folder, store.mirror)
    if (reports := read_result(folder, config)) is not None:
        yield from reports
        return
    numerics = Numerics.here(job.threads)
    own = attempt_folder(folder, job.attempt)
    inputs = Inputs(store, config, job.full_vocabulary)
    vocabulary = inputs.vocabulary
    student: Any = build_student(
        config, inputs.base_folder, inputs.teacher_folder, inputs.task.labels, vocabulary, inputs.task.kind
    )
    student.to(numerics.device)
    parameters = full_size(student, vocabulary)
    training = student_training(student, inputs, numerics)

    def outputs_on(name: str) -> Outputs | None:
        """The student's outputs on one split; None if an output is not finite."""
        split = inputs.split(name)
        outputs = Outputs(name, split, predict_logits(student, split, inputs.pad_id, numerics))
        return outputs if outputs.finite else None

    history, began_on = training.restore(*attempt_folders(folder))
    # The last report is made later, with the result.
    yield from (Progress.of(report) for report in history if report["step"] < training.recipe.steps)
    outcome = "complete"
    steps = [0, *report_steps(training.recipe.steps, job.reports)]
    first = 0 if job.reports_start else 1
    for number in range(history[-1]["report"] + 1 if history else first, len(steps)):
        step = steps[number]
        interval = training.advance(step) if step > 0 else None
        started = time.perf_counter()
        outputs = None if interval is not None and interval.diverged else outputs_on("validation")
        scores = None if outputs is None else outputs.scores(inputs)
        training.seconds += time.perf_counter() - started
        if scores is None:
            outcome = "diverged"
            break
        loss = None if interval is None else interval.loss
        progress = Progress(number, step, loss, training.seconds, _now_ms(), scores)
        history.append(asdict(progress))
        last = step == training.recipe.steps
        if not last or job.test:  # without test, the result follows at once and needs no checkpoint before it
            training.save(own, history)
            send_attempt(own, store.mirror)
        if not last:
            yield progress

    test = outputs_on("test") if job.test and outcome == "complete" else None
    result = {
        "key": config.key,
        "outcome": outcome,
        "config": config.effective(),
        "seconds": training.seconds,
        "ended_ms": _now_ms(),
        "steps": training.step,
        "parameters": parameters,
        "trained_tokens": student.config.vocab_size,
        "validation": history[-1]["validation"] if history and history[-1]["step"] else None,
        "test": None if test is None else test.scores(inputs),
        "numerics": asdict(numerics),
        "other_numerics_of_teacher": {
            what: other
            for what, theirs in inputs.teacher_scores("validation")["numerics"].items()
            if (other := numerics.differences(theirs))
        },
        "other_numerics_before": numerics.differences(began_on) if began_on else {},
    }
    if job.latency and outcome == "complete":
        result["latency"] = latency_here(inputs, numerics)
    unseen = [name for name in inputs.task.languages if name not in inputs.seen]
    if unseen:
        result["unseen"] = unseen
    if unseen or config.data_fraction < 1:
        result["data_share"] = inputs.training_share(inputs.split("train"))
    own.mkdir(parents=True, exist_ok=True)
    if outcome == "complete":
        with quiet():
            student.save_pretrained(own / "student")
        if vocabulary is not None:
            vocabulary.save(own / "student")
    if test is not None:
        if inputs.task.kind == "text":  # the words of a text are no sample of independent answers
            write_texts(test, inputs, own / TEXTS)
        write_predictions(test, inputs, own / PREDICTIONS)
    write_ending(own, history, result)
    send_attempt(own, store.mirror, ended=True)
    yield last_report(history, result)


def _now_ms() -> int:
    return int(time.time() * 1000)


def student_training(student: Any, inputs: Inputs, numerics: Numerics) -> Training:
    """The training of `student` at its first step, with the data and the objective of its configuration."""
    config, train = inputs.config, inputs.split("train")
    logits = inputs.teacher_logits("train") if config.alpha < 1 else None
    data = TrainingData(train, inputs.training_rows(train), inputs.pad_id, logits)
    step_loss = classifier_step(
        student,
        data,
        lambda logits, labels, targets: objective(logits, targets, labels, config),
        config.batch_size,
        config.seed,
        numerics.device,
    )
    recipe = Recipe(
        steps=config.training_steps(len(data.rows)),
        learning_rate=config.learning_rate,
        seed=config.seed,
        warmup=config.warmup,
        weight_decay=config.weight_decay,
        gradient_clip=config.gradient_clip,
    )
    return Training(student, step_loss, recipe, numerics)
