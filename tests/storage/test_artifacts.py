"""The store: an artifact is whole or absent, built by one builder, and what a kill leaves is built on."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from study.storage import artifacts
from study.storage.artifacts import Store, write_atomically

processes = multiprocessing.get_context("fork")
Builder = Callable[[Path, Path], None]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "artifacts")


def writing(text: str) -> Builder:
    def build(target: Path, work: Path) -> None:
        (target / "content").write_text(text)

    return build


def forbidden(target: Path, work: Path) -> None:
    raise AssertionError("built although it is there")


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_artifact_is_built_once(store: Store) -> None:
    assert not store.has("kind", "k")
    folder = store.build("kind", "k", writing("one"))
    assert folder == store.path("kind", "k") == store.build("kind", "k", forbidden)
    assert store.has("kind", "k")
    assert (folder / "content").read_text() == "one"


def test_kinds_and_keys_are_apart(store: Store) -> None:
    for kind, key in (("a", "1"), ("a", "2"), ("b", "1")):
        store.build(kind, key, writing(kind + key))
    assert [(store.path(*at) / "content").read_text() for at in (("a", "2"), ("b", "1"))] == ["a2", "b1"]


def test_after_building_only_the_artifact_and_its_lock_are_left(store: Store) -> None:
    def builder(target: Path, work: Path) -> None:
        (work / "checkpoint").write_text("half")
        (target / "content").write_text("whole")

    store.build("kind", "k", builder)
    assert files(store.root) == {"kind/k/content", "kind/k/manifest.json", "building/kind/k.lock"}


def test_others_may_read_it(store: Store) -> None:
    assert store.build("kind", "k", writing("")).stat().st_mode & 0o777 == 0o755


def test_a_builder_that_fails_leaves_no_artifact_and_its_work_for_the_next(store: Store) -> None:
    def failing(target: Path, work: Path) -> None:
        (work / "checkpoint").write_text("at step 5")
        (target / "content").write_text("half")
        raise RuntimeError("out of memory")

    def continuing(target: Path, work: Path) -> None:
        assert list(target.iterdir()) == []
        (target / "content").write_text("whole, from " + (work / "checkpoint").read_text())

    with pytest.raises(RuntimeError, match="out of memory"):
        store.build("kind", "k", failing)
    assert not store.has("kind", "k")
    assert files(store.root) == {
        "building/kind/k/work/checkpoint",
        "building/kind/k.lock",
    }  # half of it is gone
    folder = store.build("kind", "k", continuing)
    assert (folder / "content").read_text() == "whole, from at step 5"


@pytest.mark.processes
def test_a_killed_builder_leaves_no_artifact_and_its_work_for_the_next(store: Store, tmp_path: Path) -> None:
    def endless(target: Path, work: Path) -> None:
        (target / "content").write_text("half")
        (work / "checkpoint").write_text("at step 5")
        time.sleep(60)

    killed = processes.Process(target=store.build, args=("kind", "k", endless))
    killed.start()
    checkpoint = store.root / "building/kind/k/work/checkpoint"
    wait_for(lambda: checkpoint.exists() and checkpoint.read_text() == "at step 5")
    os.kill(killed.pid or 0, signal.SIGKILL)
    killed.join()
    assert not store.has("kind", "k")

    def continuing(target: Path, work: Path) -> None:
        assert list(target.iterdir()) == []
        (target / "content").write_text("whole, from " + (work / "checkpoint").read_text())

    assert (store.build("kind", "k", continuing) / "content").read_text() == "whole, from at step 5"
    assert files(store.root) == {"kind/k/content", "kind/k/manifest.json", "building/kind/k.lock"}


@pytest.mark.processes
def test_of_many_processes_one_builds_and_all_get_it(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def one_of_many(number: int) -> None:
        def builder(target: Path, work: Path) -> None:
            with log.open("a") as file:
                file.write(f"built {number}\n")
            time.sleep(0.3)
            (target / "content").write_text(str(number))

        content = (store.build("kind", "k", builder) / "content").read_text()
        with log.open("a") as file:
            file.write(f"got {content}\n")

    many = [processes.Process(target=one_of_many, args=(number,)) for number in range(6)]
    for process in many:
        process.start()
    for process in many:
        process.join()
    lines = log.read_text().splitlines()
    assert [process.exitcode for process in many] == [0] * 6
    built = [line.removeprefix("built ") for line in lines if line.startswith("built")]
    assert len(built) == 1
    assert lines.count(f"got {built[0]}") == 6


def test_where_locks_fail_the_first_to_finish_wins(store: Store) -> None:
    def overtaken(target: Path, work: Path) -> None:
        other = store.path("kind", "k")
        other.mkdir(parents=True)
        (other / "content").write_text("the other's")
        (target / "content").write_text("mine")

    assert (store.build("kind", "k", overtaken) / "content").read_text() == "the other's"


# Spoilt by a disk


@pytest.fixture
def new_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A process checks an artifact once; after a call, this one has checked none."""
    return lambda: monkeypatch.setattr(artifacts, "_whole", set())


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


SPOILT: dict[str, Callable[[Path], None]] = {
    "a flipped bit": lambda folder: flip_a_bit(folder / "deep" / "content"),
    "a file cut short": lambda folder: cut_short(folder / "deep" / "content"),
    "an empty file": lambda folder: os.truncate(folder / "deep" / "content", 0),
    "a missing file": lambda folder: (folder / "deep" / "content").unlink(),
    "a missing manifest": lambda folder: (folder / "manifest.json").unlink(),
    "a manifest cut short": lambda folder: cut_short(folder / "manifest.json"),
    "a flipped bit in the manifest": lambda folder: flip_a_bit(folder / "manifest.json"),
    "an empty manifest": lambda folder: os.truncate(folder / "manifest.json", 0),
    "nothing but a folder": empty,
}


def deep(text: str) -> Builder:
    def builder(target: Path, work: Path) -> None:
        (target / "deep").mkdir()
        (target / "deep" / "content").write_text(text)
        (target / "other").write_text("other")

    return builder


@pytest.mark.parametrize("damage", SPOILT)
def test_what_a_disk_has_spoilt_is_built_again(
    store: Store, new_process: Callable[[], None], damage: str
) -> None:
    folder = store.build("kind", "k", deep("the content"))
    sound = {path: (folder / path).read_bytes() for path in files(folder)}
    assert sound.keys() == {"deep/content", "other", "manifest.json"}
    SPOILT[damage](folder)
    new_process()
    assert not store.has("kind", "k")
    assert store.build("kind", "k", deep("the content")) == folder
    assert {path: (folder / path).read_bytes() for path in files(folder)} == sound
    new_process()
    assert store.has("kind", "k")
    assert store.build("kind", "k", forbidden) == folder
    assert files(store.root / "building") == {"kind/k.lock"}


def test_what_is_whole_is_not_built_again_by_a_new_process(
    store: Store, new_process: Callable[[], None]
) -> None:
    store.build("kind", "k", deep("the content"))
    new_process()
    store.build("kind", "k", forbidden)


def test_what_is_removed_is_built_again_by_the_same_process(store: Store) -> None:
    shutil.rmtree(store.build("kind", "k", deep("one")))
    assert not store.has("kind", "k")
    assert (store.build("kind", "k", deep("two")) / "deep/content").read_text() == "two"


def test_a_reader_that_has_the_old_file_in_memory_keeps_it(
    store: Store, new_process: Callable[[], None]
) -> None:
    def logits(value: float) -> Builder:
        return lambda target, work: np.save(target / "logits.npy", np.full((1000, 4), value))

    folder = store.build("kind", "k", logits(1.0))
    mapped = np.load(folder / "logits.npy", mmap_mode="r")
    (folder / "manifest.json").unlink()
    new_process()
    store.build("kind", "k", logits(2.0))
    assert np.array_equal(mapped, np.full((1000, 4), 1.0))
    assert np.array_equal(np.load(folder / "logits.npy", mmap_mode="r"), np.full((1000, 4), 2.0))


def test_a_builder_that_fails_on_what_was_spoilt_leaves_no_artifact(
    store: Store, new_process: Callable[[], None]
) -> None:
    def failing(target: Path, work: Path) -> None:
        raise RuntimeError("out of memory")

    flip_a_bit(store.build("kind", "k", deep("one")) / "other")
    new_process()
    with pytest.raises(RuntimeError, match="out of memory"):
        store.build("kind", "k", failing)
    assert not store.has("kind", "k")
    assert (store.build("kind", "k", deep("two")) / "deep/content").read_text() == "two"
    assert files(store.root / "building") == {"kind/k.lock"}


@pytest.mark.processes
def test_of_many_processes_that_find_it_spoilt_one_builds(
    store: Store, new_process: Callable[[], None], tmp_path: Path
) -> None:
    flip_a_bit(store.build("kind", "k", writing("sound")) / "content")
    new_process()
    log = tmp_path / "log"

    def one_of_many() -> None:
        def builder(target: Path, work: Path) -> None:
            with log.open("a") as file:
                file.write("built\n")
            time.sleep(0.3)
            (target / "content").write_text("sound")

        assert (store.build("kind", "k", builder) / "content").read_text() == "sound"

    many = [processes.Process(target=one_of_many) for _ in range(4)]
    for process in many:
        process.start()
    for process in many:
        process.join()
    assert [process.exitcode for process in many] == [0] * 4
    assert log.read_text() == "built\n"


# Files


def test_a_file_is_replaced_whole_while_others_read_it(tmp_path: Path) -> None:
    path, versions = tmp_path / "file", [bytes([i]) * 100_000 for i in range(20)]
    write_atomically(path, versions[0])
    seen: set[bytes] = set()
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for version in versions:
        write_atomically(path, version)
    over.set()
    reader.join()
    assert seen <= set(versions)
    assert path.read_bytes() == versions[-1]


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    write_atomically(tmp_path / "file", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(tmp_path / "file", b"new")
    assert files(tmp_path) == {"file"}
    assert (tmp_path / "file").read_bytes() == b"old"
