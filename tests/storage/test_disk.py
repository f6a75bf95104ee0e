"""A disk that takes nothing more, as the system and the libraries that write really say it.

The kernel refuses to let a file grow past RLIMIT_FSIZE: a full disk for whoever writes it, without one.
"""

from __future__ import annotations

import errno
import json
import re
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ray.exceptions import RayTaskError
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from study.driver import worker
from study.driver.ray_cluster import Resources, call_in_ray
from study.errors import RequestError, StudyStopped
from study.ledger.ledger import Ledger
from study.storage.artifacts import Store, write_atomically
from study.storage.disk import CANNOT_WRITE, cannot_write, stopped_by_a_full_disk
from study.trial.job import TrialJob
from study.trial.prepare import Preparation

NUMBERS = pytest.mark.parametrize("number", sorted(CANNOT_WRITE), ids=errno.errorcode.get)
PAGE = 4096


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes; Python ignores the signal that comes with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def save_tokenizer(path: Path) -> None:
    Tokenizer(WordLevel({f"word {i}": i for i in range(1000)}, unk_token="word 0")).save(str(path))


def torch_save_to_a_file(path: Path) -> None:
    with path.open("wb") as file:
        torch.save(torch.zeros(3 * PAGE), file)


WRITERS: dict[str, Callable[[Path], object]] = {
    "Python": lambda path: path.write_bytes(b"\0" * 3 * PAGE),
    "write_atomically": lambda path: write_atomically(path, b"\0" * 3 * PAGE),
    "NumPy": lambda path: np.save(path, np.zeros(3 * PAGE)),
    "safetensors": lambda path: save_file({"zeros": torch.zeros(3 * PAGE)}, path),
    "tokenizers": save_tokenizer,
    "torch": lambda path: torch.save(torch.zeros(3 * PAGE), path),
    "torch, to a file": torch_save_to_a_file,
}
EACH_WRITER = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())


@EACH_WRITER
def test_whoever_writes_a_file_that_cannot_grow_stops_the_study_in_one_line(
    write: Callable[[Path], object], tmp_path: Path
) -> None:
    one_line = r"\A(\[Errno \d+\]|cannot write:) .+\Z"
    with no_file_above(PAGE), pytest.raises(StudyStopped, match=one_line), stopped_by_a_full_disk():
        write(tmp_path / "file.npy")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four pages; the test is skipped if mounting is not allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={4 * PAGE}", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.processes
@EACH_WRITER
def test_a_full_and_a_read_only_file_system_stop_it_too(
    write: Callable[[Path], object], tiny_disk: Path
) -> None:
    (tiny_disk / "filler").write_bytes(b"\0" * 2 * PAGE)
    with pytest.raises(StudyStopped, match=r"\A(\[Errno 28\]|cannot write:) .+\Z"), stopped_by_a_full_disk():
        write(tiny_disk / "file.npy")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(StudyStopped, match=r"Read-only file system"), stopped_by_a_full_disk():
        write(tiny_disk / "other.npy")


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_ledger_that_has_no_room_stops_the_study_and_is_no_wrong_request(
    tiny_disk: Path, goes_on: bool
) -> None:
    with pytest.raises(StudyStopped, match=r"\Athe ledger's database: [^\n]*disk is full[^\n]*\Z"):
        Ledger(f"sqlite:///{tiny_disk / 'optuna.db'}", "demo", goes_on)


@NUMBERS
def test_every_number_counts_in_an_error_of_the_system_and_in_the_text_of_one_of_rust(number: int) -> None:
    assert cannot_write(OSError(number, "no"))
    assert cannot_write(Exception(f"Error while serializing: I/O error: no (os error {number})"))


def test_it_is_seen_through_the_error_that_it_led_to() -> None:
    def raised(from_it: bool) -> Exception:
        try:
            try:
                raise OSError(errno.ENOSPC, "full")
            except OSError as error:
                if from_it:
                    raise ValueError("no") from error
                raise ValueError("no")  # noqa: B904 (that is the other half of the test)
        except ValueError as error:
            return error

    assert cannot_write(raised(from_it=True))
    assert cannot_write(raised(from_it=False))


def test_what_is_not_the_disks_stays_what_it_is() -> None:
    others = [
        OSError(errno.ENOENT, "gone"),
        OSError("200 requested and 100 read"),
        RuntimeError("size mismatch: 28 requested and 30 given"),
        Exception("No such file or directory (os error 2)"),
        RequestError("no"),
    ]
    for error in others:
        assert not cannot_write(error)
        with pytest.raises(type(error)) as raised, stopped_by_a_full_disk():
            raise error
        assert raised.value is error
    assert not cannot_write(None)


def test_an_error_that_was_put_in_its_place_on_purpose_hides_it() -> None:
    def refuse() -> None:
        try:
            raise OSError(errno.ENOSPC, "full")
        except OSError:
            raise RequestError("no") from None

    with pytest.raises(RequestError, match=r"^no$"), stopped_by_a_full_disk():
        refuse()


# In a worker


@pytest.fixture
def attempt(workshop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`attempt(reports, disk)`: what a worker tells of a trial that it trains while `disk` is entered."""
    config = workshop.config(steps=4)
    told: list[dict[str, Any]] = []
    workshop.inputs(config)

    def run(reports: int, disk: AbstractContextManager[None]) -> list[dict[str, Any]]:
        told.clear()
        monkeypatch.setattr("ray.tune.report", lambda said: told.append(said))
        with disk:
            worker.train({"job": TrialJob(config, workshop.store, tmp_path / "trial", reports)})
        return list(told)

    return run


@pytest.mark.parametrize(("reports", "what"), [(1, "cannot write: .*os error 27"), (4, r"\[Errno 27\]")])
def test_weights_and_checkpoints_that_cannot_be_written_halt_the_study_and_the_trial_goes_on_later(
    attempt: Any, reports: int, what: str
) -> None:
    """If a trial has one report, its weights are the first file that it writes."""
    (told,) = attempt(reports, no_file_above(PAGE))
    assert list(told) == ["halt"]
    assert re.match(what, told["halt"])
    again = attempt(reports, no_file_above(2**40))
    assert ["report" in each for each in again] == [True] * reports
    assert json.loads(again[-1]["report"])["result"]["outcome"] == "complete"


# In a task of preparation


@pytest.fixture
def own_store(workshop: Any, tmp_path: Path) -> Store:
    """A store with the workshop's task and base model, and nothing that is built from them."""
    store = Store(tmp_path / "store")
    for kind in ("tasks", "models"):
        shutil.copytree(workshop.store.root / kind, store.root / kind)
    return store


def has_built(store: Store) -> set[str]:
    return {path.name for path in store.root.iterdir()} - {"building", "tasks", "models"}


@pytest.mark.parametrize("kind", ["tokens", "vocabularies", "outputs"])
def test_an_array_whose_last_number_finds_no_room_is_no_artifact(
    workshop: Any, own_store: Store, kind: str
) -> None:
    """NumPy does not report it, so the hash of the cut file would make it count as whole from then on."""
    config = workshop.config()
    inputs = workshop.inputs(config, ("validation",))
    shutil.copytree(workshop.store.root, own_store.root, dirs_exist_ok=True)
    keys = {"tokens": inputs.tokens_key, "vocabularies": inputs.vocabulary_key}
    key = keys.get(kind) or inputs.outputs_key("validation")
    largest = max(path.stat().st_size for path in own_store.path(kind, key).glob("*.npy"))
    shutil.rmtree(own_store.path(kind, key))
    with no_file_above(largest - 1), pytest.raises(StudyStopped, match=r"did not take all of it: '.*\.npy'$"):
        Preparation(own_store).build(config, ("validation",))
    assert not own_store.has(kind, key)
    Preparation(own_store).build(config, ("validation",))
    assert own_store.has(kind, key)


def test_inputs_that_cannot_be_written_stop_the_study_and_are_built_once_there_is_room(
    workshop: Any, own_store: Store
) -> None:
    """The limit rises with each refusal: what comes later, and is larger, is refused later."""
    config = workshop.config(teacher_steps=2, teacher_learning_rate=1e-3)
    refused: set[str] = set()
    size = 16
    while "outputs" not in has_built(own_store):
        before = has_built(own_store)
        try:
            with no_file_above(size):
                Preparation(own_store).build(config, ("validation",))
        except StudyStopped:
            refused.add(str(sorted(before)))
            size = int(size * 1.5)
    assert len(refused) > 1
    fresh = workshop.inputs(config, ("validation",))
    for kind, key in (("tokens", fresh.tokens_key), ("outputs", fresh.outputs_key("validation"))):
        mine, theirs = own_store.path(kind, key), workshop.store.path(kind, key)
        for path in theirs.glob("*.npy"):
            assert np.array_equal(np.load(mine / path.name), np.load(path), equal_nan=True)


@pytest.fixture
def ray_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's tasks run in this process, and what they raise comes back as Ray's error, its cause alone."""

    def get(tasks: list[Callable[[], Any]], timeout: float) -> list[Any]:
        try:
            return [task() for task in tasks]
        except Exception as error:
            alone = type(error)(*error.args)  # pickled: without what it was raised from
            raise RayTaskError("task", "Traceback ...", alone) from None

    def remote(**options: Any) -> Any:
        return lambda function: SimpleNamespace(remote=lambda *values: partial(function, *values))

    monkeypatch.setattr("ray.remote", remote)
    monkeypatch.setattr("ray.get", get)
    monkeypatch.setattr("ray.experimental.internal_kv._internal_kv_put", lambda key, value: None)


def test_a_task_on_a_full_disk_stops_the_study_and_shows_no_traceback(
    workshop: Any, own_store: Store, tmp_path: Path, ray_here: None
) -> None:
    one = Resources(cpus=1, gpus=0, concurrency=1)
    building = (Preparation(own_store), workshop.config(), ("validation",))
    calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [(Preparation.build, building)]
    calls += [(write, (tmp_path / "file.npy",)) for write in WRITERS.values()]
    for function, values in calls:
        with no_file_above(16), pytest.raises(StudyStopped, match=r"\A.+\Z"):
            call_in_ray(function, [values], one, "preparing")
