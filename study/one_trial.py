"""One trial, here and now: the same preparation and the same trial as in a study, in this process.

No Ray, Optuna or MLflow is imported, so it runs where they are not installed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from study.config import RequestError
from study.home import Home
from study.prepare import build_inputs, store_model, store_task
from study.request import Asked
from study.space import SearchSpace, override
from study.trial import Progress, run_trial
from study.trial.training import Numerics

__all__ = ["run_one", "space_of_one"]

SPLITS = ("train", "validation", "test")


def space_of_one(settings: Sequence[str]) -> SearchSpace:
    """A space of one point: the defaults with `settings`, each `key=value`.

    Raises:
        RequestError: for a setting that is not one value.
    """
    empty = SearchSpace(question="one trial", trials=1)
    space = override(empty, settings)
    if space.nuisance:
        name = next(iter(space.nuisance))
        raise RequestError(f"--set {name}: one trial takes one value")
    return space


def run_one(asked: Asked, home: Home, threads: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Prepare, train and score the configuration that `asked` plans; returns the result, test included.

    Raises:
        RequestError: where the teacher diverged.
    """
    request = asked.request
    say("preparing the task and the base model")
    store_task(home.store, asked.task)
    model = store_model(home.store, request.model, threads)
    plan = asked.plan.on_model(model.fingerprint or "")
    config = plan.drafts(plan.arms()[0])[0]
    say("preparing the teacher and its outputs")
    build_inputs(home.store, config, request.teacher, SPLITS, threads)
    say("training the student")
    with tempfile.TemporaryDirectory(prefix="trial-", dir=home.root) as folder:
        numerics = Numerics.here(threads)
        for progress in run_trial(config, home.store, Path(folder), plan.space.reports, True, numerics):
            say(_line(progress))
        assert progress.result is not None
        return progress.result


def _line(progress: Progress) -> str:
    loss = "" if progress.loss is None else f" loss {progress.loss:.4f}"
    scores = progress.validation
    macro = f" validation macro {scores['accuracy']['macro']:.4f}" if scores else ""
    return f"step {progress.step}{loss}{macro}"
