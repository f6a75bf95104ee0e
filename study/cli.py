"""The command line: parses, calls, prints. Tables on stdout, everything else on stderr.

Exit codes: 0 all planned trials ended and none failed; 1 some failed; 2 the request was wrong, said in one
line, with nothing written; 130 interrupted, and resumable.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from study.config import RequestError, StudyStopped
from study.console import err, out, print_findings, print_json, print_plan, print_status, say_notes
from study.options import (
    ClusterOption,
    ConcurrencyOption,
    CpusOption,
    FullVocabularyOption,
    GpusOption,
    HomeOption,
    HomesOption,
    JsonOption,
    LanguagesOption,
    ModelOption,
    NameOption,
    SamplerOption,
    SeedsOption,
    SetOption,
    SharedOption,
    StorageOption,
    TaskOption,
    TeacherOption,
    TrialsOption,
)

__all__ = ["app", "main"]

if TYPE_CHECKING:
    from study.home import Home

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="How much of a distilled multilingual student's quality comes from its initialisation?",
)

DEFAULT_HOME = Path("kdstudy-home")


@app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        out.print(context.get_help(), markup=False, highlight=False)


@app.command()
def spaces(as_json: JsonOption = False) -> None:
    """What can be asked: the search spaces."""
    from study.space import registered_spaces
    from study.tables import listing

    found = registered_spaces()
    if as_json:
        return print_json({name: space.model_dump(mode="json") for name, space in found.items()})
    rows = [[name, space.question, space.trials, space.confirm_seeds] for name, space in found.items()]
    out.print(listing(["space", "question", "trials/arm", "confirm seeds"], rows))
    return None


@app.command()
def tasks(as_json: JsonOption = False) -> None:
    """On what: the registered tasks. A folder or hub:REPO[:CONFIG] is a task too."""
    from study.tables import listing
    from study.trial.data.sources import registered_tasks

    rows = [[t.name, t.languages, t.labels, t.description] for t in registered_tasks()]
    if as_json:
        columns = ("languages", "labels", "description")
        return print_json({name: dict(zip(columns, facts, strict=True)) for name, *facts in rows})
    out.print(listing(["task", "languages", "labels", "description"], rows))
    return None


@app.command()
def plan(
    space: Annotated[str, typer.Argument(help="A space's name, or a .py file that exports SPACE.")],
    name: NameOption = None,
    home: HomeOption = DEFAULT_HOME,
    task: TaskOption = "phrasebook",
    languages: LanguagesOption = None,
    drop_shared: SharedOption = False,
    full_vocabulary: FullVocabularyOption = False,
    model: ModelOption = "embedded",
    teacher: TeacherOption = "",
    settings: SetOption = None,
    trials: TrialsOption = None,
    sampler: SamplerOption = None,
    confirm_seeds: SeedsOption = None,
    concurrency: ConcurrencyOption = None,
    cluster: ClusterOption = "local",
    tracking_uri: Annotated[str | None, typer.Option(help="As for run.")] = None,
    ledger_url: Annotated[str | None, typer.Option(help="As for run.")] = None,
    storage_url: Annotated[str | None, typer.Option(help="As for run.")] = None,
    cpus_per_trial: CpusOption = None,
    gpus_per_trial: GpusOption = None,
    as_json: JsonOption = False,
) -> None:
    """What `run` would do: arms, trials, cost. Starts nothing and writes nothing."""
    options = locals()
    from study.asking import ask
    from study.cost import cost_of, time_of
    from study.request import memory_of

    asked = ask(options)
    the_plan, cost, time = asked.plan, cost_of(asked), time_of(asked, _home(home))
    arms: list[dict[str, Any]] = [
        {"arm": arm.name, "search": the_plan.planned(arm), "tuned": the_plan.tuned(arm)}
        for arm in the_plan.arms()
    ]
    memory = memory_of(asked)
    if as_json:
        return print_json(
            {
                "name": the_plan.name,
                **asdict(cost),
                "time": time and asdict(time),
                "memory": memory,
                "arms": arms,
                "sampler": the_plan.space.sampler,
                "nuisance": the_plan.space.model_dump(mode="json")["nuisance"],
                "fixed": the_plan.held(),
            }
            | {"task": asked.task.fingerprint, "notes": list(asked.task.notes)}
        )
    print_plan(the_plan, arms, cost, time, memory)
    say_notes(asked.task)
    return None


@app.command()
def run(
    space: Annotated[str, typer.Argument(help="A space's name, or a .py file that exports SPACE.")],
    name: NameOption = None,
    home: HomeOption = DEFAULT_HOME,
    task: TaskOption = "phrasebook",
    languages: LanguagesOption = None,
    drop_shared: SharedOption = False,
    full_vocabulary: FullVocabularyOption = False,
    model: ModelOption = "embedded",
    teacher: TeacherOption = "",
    settings: SetOption = None,
    trials: TrialsOption = None,
    sampler: SamplerOption = None,
    confirm_seeds: SeedsOption = None,
    concurrency: ConcurrencyOption = None,
    cluster: ClusterOption = "local",
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow's URL; default a database in the home.")
    ] = None,
    ledger_url: Annotated[
        str | None, typer.Option(help="Optuna's URL; default a database in the home.")
    ] = None,
    storage_url: StorageOption = None,
    cpus_per_trial: CpusOption = None,
    gpus_per_trial: GpusOption = None,
) -> None:
    """Run a study to its end; the same command goes on with an interrupted one."""
    options = locals()
    from study.asking import ask

    asked = ask(options)
    from study.driving import drive  # brings Ray: a request that is wrong is told at once

    given = {"ledger_url": ledger_url, "tracking_uri": tracking_uri, "storage_url": storage_url}
    drive(asked, _home(home), {field: url for field, url in given.items() if url})


@app.command()
def resume(
    name: Annotated[str, typer.Argument(help="The study's name.")],
    home: HomeOption = DEFAULT_HOME,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Failed trials once more.")] = False,
) -> None:
    """Go on with a study: the same as running it again."""
    from study.driving import drive
    from study.ledger import Ledger
    from study.request import ask_again

    the_home = _home(home)
    ledger = Ledger(the_home.urls(name)["ledger_url"], name, goes_on=True)
    drive(ask_again(ledger.require_plan(), the_home.store), the_home, {}, retry_failed)


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(help="The study's name; default all of them.")] = None,
    home: HomeOption = DEFAULT_HOME,
    sync: Annotated[
        bool, typer.Option("--sync", help="First send to MLflow what it missed while away.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """How far a study is."""
    from study.status import read_status
    from study.tables import listing

    the_home = _home(home)
    names = the_home.studies() if name is None else [name]
    if sync:
        from study.sync import sync_study

        for each in names:
            sent = sync_study(the_home, each)
            err.print(f"{each}: {sent} trials sent to MLflow", highlight=False, markup=False)
    all_found = [read_status(the_home, each) for each in names]
    if name is not None:
        (found,) = all_found
        if as_json:
            return print_json(found)
        print_status(found, the_home)
        return None
    if as_json:
        return print_json(all_found)
    columns = ["name", "space", "planned", "complete", "pruned", "diverged", "failed", "running", "waiting"]
    out.print(listing(columns, [[each[c] for c in columns] for each in all_found]))
    return None


@app.command()
def trial(
    home: HomeOption = DEFAULT_HOME,
    task: TaskOption = "phrasebook",
    languages: LanguagesOption = None,
    drop_shared: SharedOption = False,
    full_vocabulary: FullVocabularyOption = False,
    model: ModelOption = "embedded",
    teacher: TeacherOption = "",
    settings: SetOption = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads; part of a result's numerics.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """One trial, here and now: no Ray, Optuna or MLflow."""
    options = locals()
    from study.asking import request_of
    from study.one_trial import ask_one, run_one
    from study.tables import listing, scores_table

    the_home = _home(home)
    request = request_of("trial", options)
    the_home.check_writable()
    one = ask_one(request, settings or [], the_home.store)
    say_notes(one.asked.task)
    the_home.root.mkdir(parents=True, exist_ok=True)
    result = run_one(one, the_home, threads, lambda line: err.print(line, highlight=False, markup=False))
    if as_json:
        return print_json(result)
    facts = ("key", "outcome", "steps", "seconds", "parameters")
    out.print(listing(["trial", ""], [[fact, str(result[fact])] for fact in facts]))
    out.print(scores_table(result))
    return None


@app.command()
def report(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The study's name.")],
    homes: HomesOption = [DEFAULT_HOME],  # noqa: B006 (Typer copies it)
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow's URL of a study that has no home here; needs --out.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="Default: report/ in the study's folder of the first home.")
    ] = None,
) -> None:
    """What a study found: the answer here, and a report as files. It is made of MLflow's record alone."""
    from analysis.record.study_record import read_studies
    from analysis.report.write import write_report
    from analysis.verdict.answer import answer
    from analysis.verdict.audit import gathered
    from analysis.verdict.results import Results

    the_homes = [_home(home) for home in homes]
    if tracking_uri is None:
        uris = [home.recorded_at(name) for home in the_homes]
        folder = to or the_homes[0].study(name) / "report"
    elif str(context.get_parameter_source("homes")).endswith("COMMANDLINE"):
        raise RequestError("--tracking-uri: stands instead of --home, not beside it")
    elif to is None:
        raise RequestError("--tracking-uri: needs --out as well, since no home has a place for the report")
    else:
        uris, folder = [tracking_uri], to
    results = Results(read_studies([(uri, name) for uri in uris]))
    print_findings(results.record)
    for sentence in (*answer(results), *map(str, gathered(results.findings))):
        out.print(sentence, highlight=False, markup=False)
    paths = write_report(results, folder)
    out.print(f"report     {folder / 'report.html'}", highlight=False, markup=False, soft_wrap=True)
    out.print(f"           and {len(paths) - 1} files beside it: tables, figures", highlight=False)


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="The study's name.")],
    to: Annotated[Path, typer.Option("--out", help="A new folder.")],
    key: Annotated[
        str | None, typer.Option("--trial", help="Its key, or how it begins; default the best.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """A student as a Hugging Face folder, with the full vocabulary."""
    from study.export import export_student, pick
    from study.ledger import Ledger

    the_home = _home(home)
    ledger = Ledger(the_home.urls(name)["ledger_url"], name)
    record = pick(ledger.records() if ledger.plan else [], key)
    err.print(f"exporting {record.key[:8]} ({record.arm})", highlight=False)
    if export_student(the_home, ledger, record, to):
        err.print("its weights were not kept: it was trained again", highlight=False)
    out.print(str(to), highlight=False, markup=False, soft_wrap=True)


@app.command()
def ui(
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[int, typer.Option(min=1, max=65535, help="On this machine only.")] = 5000,
) -> None:
    """MLflow's own UI on what is recorded in the home."""
    the_home = _home(home)
    if not (the_home.root / "mlflow.db").exists():
        raise RequestError(f"{the_home.root}: nothing is recorded there yet")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", the_home.tracking_uri]
    command += ["--default-artifact-root", (the_home.root / "mlartifacts").as_uri()]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    err.print(f"http://127.0.0.1:{port} (Ctrl-C ends it)", highlight=False)
    os.execv(sys.executable, command)


@app.command()
def doctor(home: HomeOption = DEFAULT_HOME, cluster: ClusterOption = "local") -> None:
    """Is this place fit to run a study?"""
    from study.doctor import examine
    from study.tables import listing

    findings = examine(_home(home), cluster)
    out.print(listing(["", "what", "found"], [[f.verdict, f.what, f.found] for f in findings]))
    if any(finding.verdict == "bad" for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Entry point: one line on stderr for what is wrong, and the exit codes above."""
    warnings.filterwarnings("ignore")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")  # it prints tracebacks of what is tried again
    logging.getLogger("transformers").setLevel(logging.ERROR)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    command = typer.main.get_command(app)
    try:
        sys.exit(command.main(prog_name="kdstudy", standalone_mode=False) or 0)
    except RequestError as error:
        _complain(str(error))
    except StudyStopped as end:  # of a command that drives no study: the disk is full, the storage away
        err.print(f"stopped: {end}", highlight=False, markup=False, soft_wrap=True)
        sys.exit(1)
    except Exception as error:
        if not hasattr(error, "format_message"):  # Typer's own complaints about options have it
            raise
        _complain(error.format_message().replace("Value error, ", ""))  # what a type says, said by pydantic


def _complain(message: str) -> None:
    line = " ".join(message.split())
    print(f"kdstudy: {line}", file=sys.stderr)
    sys.exit(2)


def _home(root: Path) -> Home:
    from study.home import Home

    return Home.at(root)
