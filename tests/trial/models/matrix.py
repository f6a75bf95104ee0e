"""Which encoders students can be made of: every encoder type of the library, tried from plan to export.

    python -m tests.trial.models.matrix            # prints the table of study/trial/models/README.md
    python -m tests.trial.models.matrix roformer   # one type

Each type is a tiny model with random weights. A study of one student of half the depth is planned. Then its
teacher is trained, the student is trained on a part of the vocabulary and again on the whole, and exported.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from study.cli.export import export_student
from study.errors import RequestError
from study.home import Home
from study.ledger.records import State
from study.ledger.study import OpenStudy
from study.planning.base_model import store_model
from study.planning.request import Request
from study.planning.resolve import resolve
from study.space import SearchSpace
from study.trial.job import TrialJob
from study.trial.models.loading import quiet
from study.trial.prepare import Preparation
from study.trial.trial import run_trial
from tests.trial.models.architectures import KINDS, tiny_config, tokenizer, write_model, write_task

__all__ = ["Outcome", "outcome_of", "table"]

BIT, ROUNDING, WHOLE, REFUSED = "to the bit", "to rounding", "full vocabulary", "refused"
SPACE = SearchSpace(
    question="does it run?",
    fixed={
        "init": "teacher",
        "depth": "1/2",
        "steps": 6,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "teacher_steps": 6,
        "teacher_batch_size": 8,
        "teacher_learning_rate": 1e-3,
    },
    trials=1,
    confirm_seeds=0,
    reports=2,
)


@dataclass(frozen=True)
class Outcome:
    """What became of one type: one of four words, and why if the word needs a reason."""

    kind: str
    how: str
    why: str = ""

    def __str__(self) -> str:
        return f"| `{self.kind}` | {self.how} | {self.why} |"


def outcome_of(kind: str, task: Path, folder: Path) -> Outcome:
    """Plan, train and export a student of a tiny model of `kind`; everything is written into `folder`.

    Raises:
        AssertionError: if a student that was trained on a part of the vocabulary is another student.
        Exception: whatever is not refused in one line.
    """
    with quiet():
        model = write_model(tiny_config(kind, len(tokenizer())), folder / "model")
    home = Home(folder / "home")
    request = Request("matrix", task=str(task), model=str(model))
    try:
        resolved = resolve(request, "matrix", SPACE, home.store)
    except RequestError as error:
        return Outcome(
            kind, REFUSED, str(error).replace(f"{model}/config.json: ", "").replace(f"{model}: ", "")
        )
    home.begin("matrix", {})
    study = OpenStudy.at(home, "matrix")
    plan = study.ledger.open(resolved.plan)
    record = study.ledger.ask_search()
    assert record is not None
    preparation = Preparation(study.store)
    preparation.store_task(resolved.task)
    store_model(study.store, str(model), 1)
    inputs = preparation.build(record.config, ("train", "validation"))
    job = TrialJob(record.config, study.store, study.trials / record.key, plan.space.reports)
    *_, last = run_trial(job)
    study.ledger.tell(record, State.COMPLETE, last.value)
    again = replace(job, folder=folder / "whole", full_vocabulary=True)
    replace(preparation, full_vocabulary=True).build(record.config, ("train", "validation"))
    *_, whole = run_trial(again)
    (ended,) = study.ledger.records()
    export_student(study, ended, folder / "export")
    study.ledger.storage.remove_session()
    study.ledger.storage.engine.dispose()
    ours, theirs = _weights(folder / "export"), _weights(folder / "whole" / "attempt-1" / "student")
    assert ours.keys() == theirs.keys()
    if inputs.why_not_trimmed:
        return Outcome(kind, WHOLE, inputs.why_not_trimmed)
    if last.loss == whole.loss and all(torch.equal(ours[name], theirs[name]) for name in ours):
        return Outcome(kind, BIT)
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-3, atol=1e-4, msg=name)
    return Outcome(kind, ROUNDING)


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of the classifier in `folder`, as the library loads it."""
    model: Any
    with quiet():
        model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(info[keys] for keys in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    state: dict[str, torch.Tensor] = model.state_dict()
    return state


def table(kinds: Sequence[str] = KINDS) -> Iterator[str]:
    """The lines of the table, one for each type."""
    yield "| model_type | trained on the tokens of the task | why |"
    yield "| --- | --- | --- |"
    with tempfile.TemporaryDirectory() as scratch:
        task = write_task(Path(scratch) / "task")
        for kind in kinds:
            yield str(outcome_of(kind, task, Path(scratch) / kind))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in table(sys.argv[1:] or KINDS):
        print(line, flush=True)
