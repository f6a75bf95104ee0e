"""`kdstudy export`: a student as a plain Hugging Face folder, loadable without this project."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from study.cli.console import note, say
from study.cli.options import DEFAULT_HOME, OUTPUT, WHAT, HomeOption, StudyArgument
from study.cli.picked import pick, pick_within
from study.errors import RequestError, first_line

if TYPE_CHECKING:
    from study.ledger.records import Record
    from study.ledger.study import OpenStudy

__all__ = ["export", "export_student", "moved", "place_for", "scratch_beside"]


def export(
    name: StudyArgument,
    to: Annotated[Path, typer.Option("--out", help="A new folder.", rich_help_panel=OUTPUT)],
    key: Annotated[
        str | None,
        typer.Option(
            "--trial",
            help="The key of a trial, or how the key begins; the default is the best trial.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    within: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COST=MOST",
            help="The best trial that costs at most this, such as latency_ms=5; may be given several times.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """A student as a Hugging Face folder, with the full vocabulary.

    Examples:

    kdstudy export quickstart --out student
    kdstudy export quickstart --trial 3f9a --out student
    kdstudy export small_students --within latency_ms=5 --out student
    """
    from study.home import Home
    from study.ledger.study import OpenStudy

    study = OpenStudy.at(Home.at(home), name, looks=True)
    if key is not None and within:
        raise RequestError("--within: --trial is given too; give one of the two")
    records = study.ledger.records() if study.ledger.plan else []
    record = pick_within(study, within) if within and records else pick(records, key)
    note(f"exporting {record.key[:8]} ({record.arm})")
    if export_student(study, record, to):
        note("the weights of this trial were not stored: the trial was trained again")
    say(str(to))


def export_student(study: OpenStudy, record: Record, out: Path) -> bool:
    """Write the student of `record`, with its full vocabulary, into `out`; whether it was trained again.

    A study stores the weights of each arm's best trial and of the confirm runs. Any other trial is a pure
    function of its configuration, so its student is trained once more.

    Raises:
        RequestError: if `out` exists and is not an empty folder, or the study's storage is away.
    """
    from study.storage.attempts import student_folder
    from study.storage.mirror import check_storage
    from study.trial.export import write_student
    from study.trial.job import TrialJob
    from study.trial.prepare import Preparation
    from study.trial.trial import run_trial

    out = place_for(out)
    plan, config, store = study.ledger.require_plan(), record.config, study.store
    if store.mirror is not None:
        check_storage(store.mirror.url)
    kept = student_folder(study.trials / record.key, store.mirror)
    threads = max(1, int(plan.request.get("cpus_per_trial") or 1))
    given, whole = plan.request["teacher"], plan.request.get("full_vocabulary", False)
    preparation = Preparation(store, given, whole, threads)
    with scratch_beside(out) as scratch:
        source = kept
        if again := source is None:
            job = TrialJob(
                config,
                replace(store, mirror=None),  # nobody goes on with this attempt
                Path(scratch),
                plan.space.reports,
                threads=threads,
                full_vocabulary=whole,
                given_teacher=given,
            )
            preparation.build(config, job.splits)
            for _ in run_trial(job):
                pass
            source = student_folder(Path(scratch))
        assert source is not None
        folder = Path(scratch) / "folder"
        write_student(source, config, preparation, folder)
        about = {"study": plan.name, "arm": record.arm, "key": record.key, "config": config.effective()}
        (folder / "kdstudy.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        moved(folder, out)
    return again


def place_for(out: Path) -> Path:
    """The absolute path of `out`, which a link may name; nothing is there, or an empty folder.

    Raises:
        RequestError: if something is there, or nothing can be there.
    """
    try:
        place = out.resolve()
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise RequestError(f"--out {out}: exists; name a new or an empty folder")
    except (OSError, RuntimeError) as error:  # too long, a circle of links, no permission
        raise RequestError(f"--out {out}: cannot be made: {_reason(error)}") from None
    return place


def scratch_beside(out: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder for what becomes `out` by one rename at the end.

    Raises:
        RequestError: if no folder can be made there.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent)
    except OSError as error:
        raise RequestError(f"--out {out}: cannot be made: {_reason(error)}") from None


def moved(folder: Path, out: Path) -> None:
    """Make `folder` the folder `out`, in one step; an empty folder is replaced.

    Raises:
        RequestError: if another export into `out` has been quicker.
    """
    try:
        folder.rename(out)
    except OSError:
        raise RequestError(f"--out {out}: was made meanwhile; name a new or an empty folder") from None


def _reason(error: OSError | RuntimeError) -> str:
    return getattr(error, "strerror", None) or first_line(error)
