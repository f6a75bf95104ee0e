"""One trial, here and now: the same preparation and the same trial as in a study, in this process.

No Ray, Optuna or MLflow is imported, so it runs where they are not installed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study.config import TrialConfig, parse_config
from study.errors import RequestError
from study.home import Home
from study.planning.base_model import store_model
from study.planning.plan import Plan
from study.planning.request import Request
from study.planning.resolve import Resolved, resolve
from study.planning.spaces import override, parse_value
from study.space import SearchSpace, Value
from study.storage.artifacts import Store
from study.trial.job import TrialJob
from study.trial.prepare import Preparation
from study.trial.progress import Progress
from study.trial.trial import run_trial

__all__ = ["OneTrial", "resolve_one", "run_one", "space_of_one"]

SPLITS = ("train", "validation", "test")
SEEDS = ("seed=", "data_seed=")  # the phase decides them in a study, and nobody but the user here


@dataclass(frozen=True)
class OneTrial:
    """A plan of one point, and its seeds."""

    asked: Resolved
    seeds: dict[str, Value]

    def config(self, plan: Plan) -> TrialConfig:
        """The trial, once `plan` knows the base model's fingerprint.

        Raises:
            RequestError: for seeds that are none.
        """
        return parse_config(plan.drafts(plan.arms()[0])[0].model_dump() | self.seeds)


def resolve_one(request: Request, settings: Sequence[str], store: Store) -> OneTrial:
    """The defaults on what `request` names, with `settings`, each `key=value`. Writes nothing.

    Raises:
        RequestError: for anything that cannot be served.
    """
    of_seeds = [setting for setting in settings if setting.startswith(SEEDS)]
    space = space_of_one([setting for setting in settings if setting not in of_seeds])
    seeds = {name: parse_value(value) for name, _, value in (s.partition("=") for s in of_seeds)}
    one = OneTrial(resolve(request, "trial", space, store), seeds)
    one.config(one.asked.plan)
    return one


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


def run_one(one: OneTrial, home: Home, threads: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Prepare, train and score `one`; returns the result, test included.

    Raises:
        RequestError: where the teacher diverged.
    """
    request = one.asked.request
    say("preparing the task and the base model")
    preparation = Preparation(home.store, request.teacher, request.full_vocabulary, threads)
    preparation.store_task(one.asked.task)
    model = store_model(home.store, request.model, threads)
    plan = one.asked.plan.on_model(model.fingerprint or "")
    config = one.config(plan)
    say("preparing the teacher and its outputs")
    inputs = preparation.build(config, SPLITS)
    if inputs.why_not_trimmed:
        say(f"trained on the full vocabulary: {inputs.why_not_trimmed}")
    say("training the student")
    with tempfile.TemporaryDirectory(prefix="trial-", dir=home.root) as folder:
        job = TrialJob(
            config,
            home.store,
            Path(folder),
            plan.space.reports,
            test=True,
            threads=threads,
            full_vocabulary=request.full_vocabulary,
            given_teacher=request.teacher,
        )
        for progress in run_trial(job):
            say(_line(progress))
        assert progress.result is not None
        return progress.result


def _line(progress: Progress) -> str:
    loss = "" if progress.loss is None else f" loss {progress.loss:.4f}"
    scores = progress.validation
    macro = f" validation macro {scores['accuracy']['macro']:.4f}" if scores else ""
    return f"step {progress.step}{loss}{macro}"
