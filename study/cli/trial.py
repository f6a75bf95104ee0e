"""`kdstudy trial`: one trial, here and now: the same preparation and the same trial as in a study.

The trial runs in this process. Neither Ray nor Optuna nor MLflow is imported, so it runs where they are not
installed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.cli.console import listing, note, print_json, print_table
from study.cli.options import DEFAULT_HOME, WHERE, HomeOption, JsonOption, OnWhat, SetOption
from study.cli.requested import language_settings, request_of
from study.config import SUMMARIES
from study.errors import RequestError, StudyStopped

if TYPE_CHECKING:
    from rich.table import Table

    from study.config import TrialConfig
    from study.home import Home
    from study.planning.plan import Plan
    from study.planning.request import Request
    from study.planning.resolve import Resolved
    from study.space import SearchSpace, Value
    from study.storage.artifacts import Store
    from study.trial.progress import Progress

__all__ = ["scores_table", "trial"]

SPLITS = ("train", "validation", "test")
SEEDS = ("seed=", "data_seed=")  # in a study the phase decides the seeds; here the user does


def trial(
    settings: SetOption = None,
    on: OnWhat = OnWhat(),  # noqa: B008 (`grouped` replaces it)
    threads: Annotated[
        int,
        typer.Option(min=1, help="CPU threads; part of the numerics of a result.", rich_help_panel=WHERE),
    ] = 1,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """One trial, here and now: no Ray, Optuna or MLflow.

    Examples:

    kdstudy trial
    kdstudy trial --set init=random --set depth=2 --set steps=400
    kdstudy trial --task ./my-task --languages deu,yor --json
    """
    from study.home import Home

    the_home = Home.at(home)
    request = request_of("trial", on)
    the_home.check_writable()
    one = _resolve_one(request, language_settings(on, settings), the_home.store)
    for text in one.resolved.notes:
        note(f"note: {text}")
    the_home.root.mkdir(parents=True, exist_ok=True)
    try:
        result = _run_one(one, the_home, threads, note)
    except RequestError as error:  # too late for exit code 2: something has been written
        raise StudyStopped(str(error)) from error
    if as_json:
        return print_json(result)
    facts = ("key", "outcome", "steps", "seconds", "parameters")
    print_table(listing(["trial", ""], [[fact, str(result[fact])] for fact in facts]))
    print_table(scores_table(result))
    return None


@dataclass(frozen=True)
class _OneTrial:
    """A plan of one point, and its seeds."""

    resolved: Resolved
    seeds: dict[str, Value]

    def config(self, plan: Plan) -> TrialConfig:
        """The trial, once `plan` knows the base model's fingerprint.

        Raises:
            RequestError: if a seed is no seed.
        """
        from study.config import parse_config

        return parse_config(plan.drafts(plan.arms()[0])[0].model_dump() | self.seeds)


def _resolve_one(request: Request, settings: Sequence[str], store: Store) -> _OneTrial:
    """The defaults on what `request` names, with `settings`, each `key=value`. Writes nothing.

    Raises:
        RequestError: if the request cannot be served.
    """
    from study.planning.resolve import resolve
    from study.space import parse_value

    of_seeds = [setting for setting in settings if setting.startswith(SEEDS)]
    space = _space_of_one([setting for setting in settings if setting not in of_seeds])
    given = {name: parse_value(value) for name, _, value in (s.partition("=") for s in of_seeds)}
    seeds: dict[str, Value] = {"seed": 0, "data_seed": 0} | given  # one trial is in no seed block
    one = _OneTrial(resolve(request, "trial", space, store), seeds)
    one.config(one.resolved.plan)
    return one


def _space_of_one(settings: Sequence[str]) -> SearchSpace:
    """A space of one point: the defaults with `settings`, each `key=value`.

    Raises:
        RequestError: if a setting is not one value.
    """
    from study.planning.changes import override
    from study.space import SearchSpace

    empty = SearchSpace(question="one trial", trials=1)
    space = override(empty, settings)
    for name in (*space.nuisance, *space.scientific):
        raise RequestError(f"--set {name}: one trial takes one value")
    return space


def _run_one(one: _OneTrial, home: Home, threads: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Prepare, train and score `one`; returns the result, test included.

    Raises:
        TeacherDiverged: if the teacher diverges.
    """
    from study.planning.base_model import store_model
    from study.trial.job import TrialJob
    from study.trial.prepare import Preparation
    from study.trial.trial import run_trial

    request = one.resolved.request
    say("preparing the task and the base model")
    preparation = Preparation(home.store, request.teacher, request.full_vocabulary, threads)
    preparation.store_task(one.resolved.task)
    model = store_model(home.store, request.model, threads)
    plan = one.resolved.plan.on_model(model.fingerprint or "")
    config = one.config(plan)
    say("preparing the teacher and its outputs")
    inputs = preparation.build(config, SPLITS)
    if inputs.why_not_trimmed:
        say(f"trained on the full vocabulary: {inputs.why_not_trimmed}")
    if inputs.how_teacher_compares:
        say(inputs.how_teacher_compares)
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
    macro = "" if progress.value is None else f" validation macro {progress.value:.4f}"
    return f"step {progress.step}{loss}{macro}"


def scores_table(result: Mapping[str, Any]) -> Table:
    """The scores of one trial: languages x metrics (such as accuracy) of validation and test.

    Languages that the student was not trained on are marked, and come after the others.
    """
    from study.trial.scores import METRICS, name_of

    columns = ["language"]
    rows: dict[str, dict[str, float | None]] = {}
    for split in ("validation", "test"):
        scores = result[split]
        if scores is None:
            continue
        for metric in (metric for metric in METRICS if metric in scores):
            columns.append(f"{split} {name_of(metric)}")
            values = scores[metric]
            flat = values["by_language"] | {name: values[name] for name in SUMMARIES if name in values}
            for name, value in flat.items():
                rows.setdefault(name, {})[columns[-1]] = value
    unseen = set(result.get("unseen", ()))
    names = sorted(set(rows) - {*SUMMARIES}, key=lambda name: (name in unseen, name))
    shown = {name: f"{name} (unseen)" for name in unseen}
    names += [name for name in SUMMARIES if name in rows]
    return listing(
        columns, [[shown.get(name, name), *(rows[name].get(c) for c in columns[1:])] for name in names]
    )
