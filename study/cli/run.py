"""`kdstudy run`: run a study to its end; what is shown meanwhile, at the end, and after a stop."""

from __future__ import annotations

import os
import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from study.cli.budget import Budget
from study.cli.console import err, log, note, outlasting, print_table, say
from study.cli.options import OnWhat, RegisterOption, SpaceArgument, Where
from study.cli.publish import check_register, publish, publish_if_old
from study.cli.requested import resolved
from study.cli.submit import There
from study.driver.interrupt import interruptible, undisturbed
from study.errors import RayFailed, RequestError, StudyStopped, TeacherDiverged

if TYPE_CHECKING:
    from study.cli.live import LineView, LiveView
    from study.home import Home
    from study.planning.resolve import Resolved

__all__ = ["drive", "find_finished", "print_end", "run", "stoppable"]


def run(
    space: SpaceArgument,
    budget: Budget,
    on: OnWhat,
    where: Where,
    there: There,
    register: RegisterOption = None,
) -> None:
    """Run a study to its end; the same command goes on with a study that was interrupted.

    Ctrl-C, SIGTERM, SIGHUP, SIGUSR1 or SIGUSR2 stops the study when its running trials have come to their
    next reports, after 60 seconds at most. The exit code is 130, and the last line is the command that goes
    on. A second signal stops the study at once. The study goes on if nobody reads its output any more.

    At a place that submits (slurm, kubernetes, aws, gcp, ssh) the command submits the study and ends.

    Examples:

    kdstudy run quickstart
    kdstudy run depth --task ./my-task --languages deu,hau,yor --trials 12
    kdstudy run depth --task massive --model FacebookAI/xlm-roberta-base
    kdstudy run my_space.py --set learning_rate=1e-4..1e-2 --cluster running
    kdstudy run quickstart --register intents
    kdstudy run depth --cluster slurm --place nodes=4 --place gpus=8 --print
    """
    from study.home import Home

    with stoppable():
        check_register(register)
        submission = there.at(where.cluster)
        if submission is not None and not submission.is_here:
            home = Home.at(where.home)
            return submission.hand_over(submission.study_of(space, budget.name, home), home)
        if submission is not None:
            where = replace(where, cluster="running")
        wanted = resolved(space, budget, on, where)
        home, name = Home.at(where.home), wanted.plan.name
        if submission is not None and submission.prints:
            return submission.hand_over(name, home)
        found = find_finished(home, name)
        if found is not None and _wants_no_more(wanted, home, where.given_urls):
            print_end(found, home, name, register)
        elif submission is not None:
            submission.hand_over(name, home)
        else:
            drive(wanted, home, where.given_urls, register=register)
        return None


@contextmanager
def stoppable() -> Iterator[None]:
    """Within this context a signal ends the command in order, and output that nobody reads ends nothing.

    Raises:
        typer.Exit: 130 if a signal came.
    """
    with outlasting(), interruptible():
        try:
            yield
        except KeyboardInterrupt:
            with undisturbed():
                note(f"interrupted; go on with: {_this_command()}")
            raise typer.Exit(130) from None


def find_finished(home: Home, name: str) -> dict[str, Any] | None:
    """The status of the study `name` if nothing of the study is left to do; None if a driver is needed.

    Nothing is left to do if all planned trials have ended, the last driver closed what it opened, and MLflow
    lacks nothing. A study with a storage at a URL needs a driver if a trial has no folder here: a home that
    was lost has lost its marks too, so only a driver sees what MLflow lacks.
    """
    from study.cli.status import read_status
    from study.ledger.lease import holder_of
    from study.ledger.study import OpenStudy

    if name not in home.studies():
        return None
    try:
        study = OpenStudy.at(home, name, looks=True)
        if holder_of(study.ledger.storage.engine, name) is not None:  # a driver works, or was killed
            return None
        found = read_status(home, name)
    except (RequestError, StudyStopped):  # no plan yet, or the ledger is away: the driver has the right words
        return None
    if found["waiting"] or found["unsent"] or found["study_unsent"]:
        return None
    ended = found["planned"] + found["superseded"]
    if study.store.mirror is not None and sum(1 for _ in study.trials.glob("*/")) < ended:
        return None
    return found


def _wants_no_more(wanted: Resolved, home: Home, urls: dict[str, str]) -> bool:
    """Whether the study on record has every trial that `wanted` plans.

    Raises:
        RequestError: if the study was begun with another space, task, model or URL.
    """
    from study.cli.begun import find_begun
    from study.ledger.study import OpenStudy

    name = wanted.plan.name
    if home.moves_record(name, urls):
        return False  # a driver checks the new address
    home.check_urls(name, urls)
    begun = find_begun(wanted, home)
    if begun is None:
        ledger = OpenStudy.at(home, name, looks=True).ledger
        ledger.check(
            wanted.plan.on_model(wanted.model.fingerprint or ledger.require_plan().constants["model"])
        )
        return False
    if begun.note:
        note(f"note: {begun.note}")
    return begun.is_finished and begun.artifacts == wanted.request.artifacts


def drive(
    wanted: Resolved,
    home: Home,
    given_urls: dict[str, str],
    retry_failed: bool = False,
    register: str | None = None,
) -> None:
    """Run the study `wanted` to its end, and print what the study found.

    register: the name under which the best student is registered in MLflow.

    Raises:
        RequestError: if the cluster is not known, or anything else of the request cannot be served.
        typer.Exit: 130 if the study was interrupted, 1 if it stopped or some trials failed.
    """
    from cluster import Cluster
    from study.cli.live import view_for
    from study.driver.run import run_study  # imports Ray
    from study.planning.places import known_cluster

    the_cluster = known_cluster(wanted.request.cluster)
    assert isinstance(the_cluster, Cluster)  # a place that submits starts this command by `running`
    name = wanted.plan.name
    try:
        # Libraries print, and stdout is for tables.
        with view_for(err) as view, redirect_stdout(sys.stderr), _ended_by_a_thread(view, home, name):
            found = run_study(wanted, home, given_urls, the_cluster, view, retry_failed)
            if not found["unsent"]:
                view.phase("sending the report and the models to MLflow")
                publish(home, name, register)
    except (KeyboardInterrupt, StudyStopped) as end:
        with undisturbed():
            _print_stop(end, home, name)
        raise typer.Exit(_code(end)) from None
    if found["unsent"] and register is not None:
        note(f"--register {register}: MLflow is away; give the option again when it is back")
    _print_found(found, home, name)


@contextmanager
def _ended_by_a_thread(view: LiveView | LineView, home: Home, name: str) -> Iterator[None]:
    """Within this context an error of the thread that watches Ray ends the process.

    Ray has died, and the main thread is stuck in a call of Ray.
    """
    before = threading.excepthook

    def end(thrown: threading.ExceptHookArgs) -> None:
        if isinstance(thrown.exc_value, KeyboardInterrupt | RayFailed):
            view.__exit__(None, None, None)
            _print_stop(thrown.exc_value, home, name)
            os._exit(_code(thrown.exc_value))
        before(thrown)

    threading.excepthook = end
    try:
        yield
    finally:
        threading.excepthook = before


def _code(end: BaseException) -> int:
    return 130 if isinstance(end, KeyboardInterrupt) else 1


def _print_stop(end: BaseException, home: Home, name: str) -> None:
    """Print why the study `name` has stopped, and the command that goes on."""
    log.debug("the study ended here:", exc_info=end)
    why = "interrupted" if isinstance(end, KeyboardInterrupt) else f"stopped: {end}"
    again = f"kdstudy resume {shlex.quote(name)}{home.option}" if _is_begun(home, name) else _this_command()
    if isinstance(end, TeacherDiverged):
        note(f"{why}, under another --name: study {name} keeps the settings that it began with")
    else:
        note(f"{why}; go on with: {again}")


def print_end(found: dict[str, Any], home: Home, name: str, register: str | None = None) -> None:
    """Print that the study is finished, and what the study found. register: as for `drive`.

    Raises:
        typer.Exit: 1 if some trials failed.
    """
    note(f"study {name} is finished: all {found['planned']} planned trials have ended")
    _mend_record(found, home, name)
    publish_if_old(home, name)
    publish(home, name, register)
    _print_found(found | {"unsent": 0}, home, name)


def _mend_record(found: dict[str, Any], home: Home, name: str) -> None:
    """Send to MLflow what it lacks of the finished study, because somebody has lost, deleted or changed it.

    Raises:
        RequestError: if MLflow is away.
    """
    from analysis.record.study_record import read_study
    from study.ledger.study import OpenStudy

    columns = ["key", "phase", "arm", "outcome"]
    try:
        record = read_study(home.urls(name)["tracking_uri"], name)
        there, partial = set(record.trials[columns].itertuples(index=False, name=None)), record.partial
    except RequestError:  # nothing is there
        there, partial = set(), True
    ledger = OpenStudy.at(home, name, looks=True).ledger
    records = ledger.records()
    lacks = sum((each.key, each.phase, each.arm, str(each.outcome)) not in there for each in records)
    if lacks or partial:
        from study.tracking.sync import sync_study

        what = f"MLflow lacks {lacks} trials of the study" if lacks else "MLflow's runs of the study are open"
        note(f"{what}: they are sent again")
        sync_study(home, name)


def _print_found(found: dict[str, Any], home: Home, name: str) -> None:
    from analysis.record.study_record import read_study
    from analysis.verdict.results import Results
    from study.cli.report import print_findings
    from study.cli.status import status_table
    from study.cli.ui import ui_lines

    print_table(status_table(found))
    if not found["unsent"]:
        print_findings(Results(read_study(home.urls(name)["tracking_uri"], name)))
    say(f"home       {home.root}")
    say(f"trials     {home.trials(name)}")
    for line in ui_lines(home, name):
        say(line)
    if found["best"]:
        say(f"export     kdstudy export {shlex.quote(name)} --out student{home.option}")
    if found["failed"]:
        raise typer.Exit(1)


def _is_begun(home: Home, name: str) -> bool:
    """Whether the plan of the study is on record, so that the study can be resumed by its name."""
    from study.ledger.study import OpenStudy

    if name not in home.studies():
        return False
    try:
        return OpenStudy.at(home, name, looks=True).ledger.plan is not None
    except RequestError:  # the ledger is away
        return True
    except StudyStopped:  # the disk had no room for the plan yet
        return False


def _this_command() -> str:
    return shlex.join(["kdstudy", *sys.argv[1:]])
