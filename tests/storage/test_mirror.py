"""What is promised of a mirror holds for a folder and for S3 alike."""

from __future__ import annotations

import itertools
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from study.errors import RequestError, StorageAway, StudyStopped
from study.storage import artifacts, mirror
from study.storage.artifacts import Store
from study.storage.attempts import student_folder, superfluous, tidy_mirror, tidy_trial
from study.storage.mirror import Mirror, check_storage
from study.trial.job import TrialJob
from study.trial.progress import Progress
from study.trial.trial import run_trial
from tests.reports import told
from tests.s3 import BreakingNetwork

CONTENT = {
    "manifest.json": b"{}",
    "deep/er/weights": b"w" * 100_000,
    "empty": b"",
    "train.jsonl.gz": b"not compressed by anybody",
    "bó dẹ́.txt": b"a name of any script",
}


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.processes)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return (tmp_path / "storage").as_uri()
    return f"s3://{request.getfixturevalue('s3').new_bucket()}/some/prefix"


@pytest.fixture
def node(tmp_path: Path, url: str) -> Callable[[str], Mirror]:
    """`node(name)`: the mirror as another node knows it, with a home of its own."""
    return lambda name: Mirror(tmp_path / name, url)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "PAUSE", (0.01, 0.1))


def write(folder: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def spoil(there: Mirror, folder: Path, name: str, content: bytes) -> None:
    file = write(there.root / "spoilt", {"file": content}) / "file"
    there._send(file, there._at(folder, name))


def failing_at(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    put = mirror._write

    def fail(there: Any, source: Path, target: str) -> None:
        if source.name == name:
            raise error
        put(there, source, target)

    monkeypatch.setattr(mirror, "_write", fail)


# Folders


def test_what_was_sent_is_what_another_node_gets(node: Any) -> None:
    here, there = node("here"), pickle.loads(pickle.dumps(node("there")))
    here.push(write(here.root / "artifacts/kind/k", CONTENT), last="manifest.json")
    folder = there.root / "artifacts/kind/k"
    assert there.names(folder) == {name: len(data) for name, data in CONTENT.items()}
    there.pull(folder, there.names(folder))
    assert files(folder) == CONTENT
    assert there.read(folder, "train.jsonl.gz") == CONTENT["train.jsonl.gz"]
    there.pull(folder, ["manifest.json"], into=there.root / "elsewhere")
    assert files(there.root / "elsewhere") == {"manifest.json": b"{}"}


def test_of_what_is_not_there_there_is_nothing(node: Any) -> None:
    here = node("here")
    folder = here.root / "studies/demo"
    assert here.names(folder) == {}
    assert here.read(folder, "result.json") == b""
    here.remove(folder, ["result.json"])
    here.pull(folder, ["result.json"])
    assert not folder.exists()


def test_only_what_changed_is_sent_again_and_what_is_gone_here_goes_there(
    node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = node("here")
    sent: list[str] = []
    folder = write(here.root / "attempt", {"checkpoint-1": b"one", "checkpoint-2": b"two"})
    here.push(folder, last="result.json")
    put = mirror._write

    def counted(there: Any, source: Path, target: str) -> None:
        sent.append(source.name)
        put(there, source, target)

    monkeypatch.setattr(mirror, "_write", counted)
    (folder / "checkpoint-1").unlink()
    write(folder, {"checkpoint-3": b"three", "result.json": b"{}", "zebra": b"after r"})
    here.push(folder, last="result.json")
    assert sent == ["checkpoint-3", "zebra", "result.json"]
    assert here.names(folder).keys() == {"checkpoint-2", "checkpoint-3", "result.json", "zebra"}
    here.push(folder, last="result.json", anew=True)
    assert len(sent) == 3 + 4


def test_without_its_last_file_a_folder_is_not_there(node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here = node("here")
    folder = write(here.root / "k", CONTENT)
    failing_at(monkeypatch, "empty", RuntimeError("killed"))
    with pytest.raises(RuntimeError, match="killed"):
        here.push(folder, last="manifest.json")
    assert "manifest.json" not in here.names(folder)
    monkeypatch.undo()
    if here.url.startswith("file:"):
        here.push(folder, last="manifest.json")
        assert here.names(folder).keys() == CONTENT.keys()


def test_names_that_lead_out_of_the_folder_are_none() -> None:
    wrong = ["../x", "a/../../x", "/etc/x", "..", ""]
    assert [name for name in [*wrong, "a/b", "a..b"] if mirror._is_inside(name)] == ["a/b", "a..b"]


# Replaced atomically


def test_a_reader_sees_the_old_content_or_the_new(node: Any) -> None:
    here, seen, over = node("here"), set(), threading.Event()
    versions = [bytes([65 + i]) * 300_000 for i in range(8)]
    folder = write(here.root / "k", {"x": versions[0]})
    here.push(folder, last="x")

    def read() -> None:
        while not over.is_set():
            seen.add(here.read(folder, "x"))

    reader = threading.Thread(target=read)
    reader.start()
    for version in versions:
        write(folder, {"x": version})
        here.push(folder, last="x", anew=True)
    over.set()
    reader.join()
    assert seen <= set(versions)
    assert here.read(folder, "x") == versions[-1]


@pytest.mark.long
def test_a_network_that_breaks_in_the_middle_leaves_the_old_object(s3: Any, tmp_path: Path) -> None:
    """24 MB are three parts; a connection that is cut, and cut again, must not make an object of two."""
    network = BreakingNetwork(s3.port)
    network.start()
    bucket = s3.new_bucket()
    broken = Mirror(tmp_path, f"s3://{bucket}?endpoint_override=127.0.0.1:{network.port}&scheme=http")
    direct = Mirror(tmp_path, f"s3://{bucket}")
    folder = write(tmp_path / "k", {"x": b"old"})
    broken.push(folder, last="x")
    for lets_pass in (13_000_000, 23_900_000):
        network.passed, network.lets_pass = 0, lets_pass
        write(folder, {"x": b"new" * 8_000_000})
        with pytest.raises(StorageAway, match=r"^--storage-url s3://"):
            broken.push(folder, last="x", patience=0)
        assert direct.read(folder, "x") == b"old"
    network.lets_pass = float("inf")
    broken.push(folder, last="x")
    assert direct.read(folder, "x") == b"new" * 8_000_000


KILLED = """
import os, signal, sys
from pathlib import Path
from study.storage import artifacts, mirror
from study.storage.artifacts import Store

put = mirror._write
def killed(there, source, target):
    if source.name == sys.argv[3]:
        stream = there.open_output_stream(target, compression=None)
        stream.write(source.read_bytes()[:1000])
        os.kill(os.getpid(), signal.SIGKILL)
    put(there, source, target)
mirror._write = killed

def builder(target, work):
    for name in ("a", "b", "c"):
        (target / name).write_bytes(name.encode() * 5000)

root = Path(sys.argv[1])
Store(root / "artifacts", mirror.Mirror(root, sys.argv[2])).build("kind", "k", builder)
"""


@pytest.mark.processes
@pytest.mark.parametrize("at", ["a", "b", "manifest.json"])
def test_killed_while_it_sends_an_artifact_is_absent_there_and_then_whole(node: Any, at: str) -> None:
    here, there = node("here"), node("there")
    command = [sys.executable, "-c", KILLED, str(here.root), here.url, at]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert "manifest.json" not in here.names(here.root / "artifacts/kind/k")
    assert not store(there).has("kind", "k")
    assert store(here).has("kind", "k")  # whole here, and sent once more
    assert store(there).has("kind", "k")
    assert files(store(there).path("kind", "k")) == files(store(here).path("kind", "k"))


# Artifacts


def store(of: Mirror) -> Store:
    return Store(of.root / "artifacts", of)


def writing(text: str) -> Callable[[Path, Path], None]:
    def builder(target: Path, work: Path) -> None:
        write(target, {"deep/content": text.encode(), "other": b"other"})

    return builder


def forbidden(target: Path, work: Path) -> None:
    raise AssertionError("built again")


def test_what_one_node_built_others_have(node: Any) -> None:
    here, there = store(node("here")), store(node("there"))
    assert not there.has("kind", "k")
    here.build("kind", "k", writing("one"))
    assert files(there.build("kind", "k", forbidden)) == files(here.path("kind", "k"))
    assert there.path("kind", "k").stat().st_mode & 0o777 == 0o755
    assert [p.name for p in (there.root / "building/kind").iterdir()] == ["k.lock"]
    shutil.rmtree(there.path("kind", "k"))
    assert there.has("kind", "k")


def test_what_was_built_before_there_was_a_mirror_is_sent(node: Any) -> None:
    here = store(node("here"))
    replace(here, mirror=None).build("kind", "k", writing("one"))
    assert not store(node("there")).has("kind", "k")
    assert here.has("kind", "k")
    assert store(node("there")).has("kind", "k")


@pytest.mark.parametrize(
    "damage", ["a flipped bit", "cut short", "missing", "no manifest", "a broken manifest"]
)
def test_what_is_spoilt_there_is_built_and_sent_again(node: Any, damage: str) -> None:
    here, there, third = (store(node(name)) for name in ("here", "there", "third"))
    folder = here.build("kind", "k", writing("one"))
    assert here.mirror is not None
    if damage in ("missing", "no manifest"):
        here.mirror.remove(folder, ["deep/content" if damage == "missing" else "manifest.json"])
    else:
        name = "manifest.json" if damage == "a broken manifest" else "deep/content"
        spoilt = {"a flipped bit": b"onf", "cut short": b"on", "a broken manifest": b'{"deep'}[damage]
        spoil(here.mirror, folder, name, spoilt)
    assert not there.has("kind", "k")
    assert not there.path("kind", "k").exists()
    there.build("kind", "k", writing("one"))
    assert (third.build("kind", "k", forbidden) / "deep/content").read_bytes() == b"one"


def test_what_is_spoilt_there_is_sent_again_by_a_process_that_has_it(
    node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task or a base model cannot be built on every node."""
    here, there = store(node("here")), store(node("there"))
    folder = here.build("kind", "k", writing("one"))
    assert here.mirror is not None
    spoil(here.mirror, folder, "deep/content", b"onf")
    assert not there.has("kind", "k")
    monkeypatch.setattr(artifacts, "_sent", set())  # as in a new process
    assert here.has("kind", "k")
    assert there.has("kind", "k")
    assert files(there.path("kind", "k")) == files(folder)


def test_what_is_being_replaced_there_is_fetched_once_more(
    node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader may get a part of the old object and a part of the new one."""
    here, there = store(node("here")), store(node("there"))
    folder = here.build("kind", "k", writing("one"))
    get, gets = Mirror._get, []

    def torn(self: Mirror, folder: Path, name: str, target: Path) -> None:
        get(self, folder, name, target)
        gets.append(name)
        if gets.count(name) == 1 and name == "deep/content":
            target.write_bytes(b"onf")

    monkeypatch.setattr(Mirror, "_get", torn)
    assert there.has("kind", "k")
    assert files(there.path("kind", "k")) == files(folder)
    assert gets.count("deep/content") == 2


EIGHT = """
import sys, time
from pathlib import Path
from study.storage.artifacts import Store
from study.storage.mirror import Mirror

home, url, go = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
store = Store(home / "artifacts", Mirror(home, url))
print("ready", flush=True)
while not go.exists():
    time.sleep(0.01)
assert all(store.has("kind", key) for key in ("task", "model"))
"""


@pytest.mark.processes
def test_eight_processes_that_start_on_an_empty_node_at_once_fetch_each_object_once(
    s3: Any, tmp_path: Path
) -> None:
    """As eight trials do. The log of the S3 has every request."""
    bucket, go = s3.new_bucket(), tmp_path / "go"
    here = store(Mirror(tmp_path / "here", f"s3://{bucket}"))
    for key in ("task", "model"):
        here.build("kind", key, writing(key * 100_000))
    command = [sys.executable, "-c", EIGHT, str(tmp_path / "there"), f"s3://{bucket}", str(go)]
    eight = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    for process in eight:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    go.touch()
    assert [process.wait(60) for process in eight] == [0] * 8
    there = files(tmp_path / "there" / "artifacts" / "kind")
    assert there == files(here.root / "kind")
    assert sorted(s3.fetched(f"{bucket}/artifacts/kind")) == sorted(there)


# Trials


@pytest.fixture
def trial(workshop: Any, node: Any) -> Callable[..., Iterator[Progress]]:
    """`trial(home, attempt)`: an attempt at the trial on the node that has this home, empty at first."""
    config = workshop.config()
    workshop.inputs(config)

    def start(home: str, attempt: int) -> Iterator[Progress]:
        own = store(node(home))
        if attempt == 1 and not own.root.exists():
            shutil.copytree(workshop.store.root, own.root)
        workshop_there = replace(workshop, store=own)
        inputs = workshop_there.inputs(config)
        assert inputs.task_folder.is_dir()
        return run_trial(TrialJob(config, own, folder_of(node(home)), 4, test=True, attempt=attempt))

    return start


def folder_of(of: Mirror) -> Path:
    return of.root / "studies/demo/trials/key"


@pytest.fixture(scope="module")
def undisturbed(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    reports = told(workshop.trial(workshop.config(), folder))
    return reports, files(folder / "attempt-1/student")


def test_a_trial_goes_on_in_an_empty_home_from_what_is_there(
    trial: Any, node: Any, undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = list(itertools.islice(trial("here", 1), 3))
    assert not folder_of(node("there")).exists()
    trained: list[int] = []
    from study.trial.training import Interval, Training

    advance = Training.advance

    def counted(self: Training, to: int) -> Interval:
        trained.append(to)
        return advance(self, to)

    monkeypatch.setattr(Training, "advance", counted)
    again = told(trial("there", 2))
    assert trained == [12]  # the last of four intervals
    assert again == undisturbed[0]
    assert told(first) == undisturbed[0][:3]
    assert files(folder_of(node("there")) / "attempt-2/student") == undisturbed[1]
    third = node("third")
    assert told(trial("third", 3)) == undisturbed[0]
    assert "attempt-3" not in {name.partition("/")[0] for name in third.names(folder_of(third))}
    student = student_folder(folder_of(third), third)
    assert student == folder_of(third) / "attempt-2/student"
    assert files(student) == undisturbed[1]


def test_a_checkpoint_that_is_spoilt_there_falls_back_on_the_one_before(
    trial: Any, node: Any, undisturbed: Any, tmp_path: Path
) -> None:
    here = node("here")
    list(itertools.islice(trial("here", 1), 3))
    newest = max(here.names(folder_of(here)))
    (folder_of(here) / newest).write_bytes(b"spoilt")
    here.push(folder_of(here) / "attempt-1", last="result.json", anew=True)
    assert told(trial("there", 2)) == undisturbed[0]


def test_a_record_that_a_kill_kept_here_is_sent_by_the_next_attempt(
    trial: Any, node: Any, undisturbed: Any
) -> None:
    here = node("here")
    list(trial("here", 1))
    here.remove(folder_of(here), ["attempt-1/result.json", "attempt-1/student/model.safetensors"])
    assert told(trial("here", 2)) == undisturbed[0]
    there = node("there")
    student = student_folder(folder_of(there), there)
    assert student is not None
    assert files(student) == undisturbed[1]


def test_while_the_storage_is_away_training_goes_on_and_the_end_waits_for_it(
    trial: Any, node: Any, undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, away, push = node("here"), [True], Mirror._push

    def sometimes(self: Mirror, *of: Any) -> None:
        if away and "trials" in str(of[0]):
            raise OSError("AWS Error NETWORK_CONNECTION")
        push(self, *of)

    monkeypatch.setattr(Mirror, "_push", sometimes)
    running = trial("here", 1)
    reports = [next(running), next(running)]
    assert here.names(folder_of(here)) == {}
    away.clear()
    reports.append(next(running))
    assert here.names(folder_of(here)).keys() == {f"attempt-1/checkpoint-0000000{n}.pt" for n in (6, 9)}
    away.append(True)
    threading.Timer(1.0, away.clear).start()
    reports += running
    assert told(reports) == undisturbed[0]
    assert "attempt-1/result.json" in here.names(folder_of(here))


def test_storage_that_stays_away_stops_the_study_and_not_the_trial_alone(
    trial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: Mirror, *of: Any) -> None:
        raise OSError("AWS Error NETWORK_CONNECTION")

    running = trial("here", 1)
    next(running)
    monkeypatch.setattr(Mirror, "_push", away)
    monkeypatch.setattr(Mirror.push, "__defaults__", (0.2, False))  # its patience
    with pytest.raises(StudyStopped, match=r"^--storage-url \S+: AWS Error NETWORK_CONNECTION$"):
        list(running)


# Tidied


def test_one_rule_says_what_goes() -> None:
    names = ["attempt-1/result.json", "attempt-2/result.json", "attempt-2/checkpoint-00000009.pt"]
    names += ["attempt-2/student/model.safetensors", "attempt-3/checkpoint-00000006.pt", "progress.jsonl"]
    assert superfluous(names, "attempt-2", True) == [names[0], names[2], names[4]]
    assert superfluous(names, "attempt-2", False) == [names[0], names[2], names[3], names[4]]
    assert superfluous(names, None, True) == names[:5]


@pytest.mark.parametrize("keep", [True, False])
def test_what_a_trial_leaves_behind_goes_on_both_sides(trial: Any, node: Any, keep: bool) -> None:
    here, driver = node("here"), node("driver")
    list(itertools.islice(trial("here", 1), 2))
    list(trial("here", 2))
    folder = folder_of(here)
    spoil(here, folder, "attempt-3/result.json", b"broken")
    running = write(folder.with_name("runs"), {"attempt-1/checkpoint-00000003.pt": b"x"})
    here.push(running / "attempt-1", last="result.json")
    for _ in range(2):
        tidy_trial(folder, keep)
        tidy_mirror(driver, folder_of(driver).parent, {"key": keep, "absent": True})
        files_of_student = ("config.json", "model.safetensors", "vocabulary.json")
        weights = {f"attempt-2/student/{name}" for name in files_of_student if keep}
        ending = {f"attempt-2/{name}" for name in ("result.json", "texts.json", "predictions.npz")}
        assert here.names(folder).keys() == files(folder).keys() == ending | weights
    assert here.names(running).keys() == {"attempt-1/checkpoint-00000003.pt"}
    assert not driver.root.exists()
    assert (student_folder(folder_of(driver), driver) is not None) is keep


def test_of_a_trial_that_was_pruned_nothing_stays_there(trial: Any, node: Any) -> None:
    driver = node("driver")
    list(itertools.islice(trial("here", 1), 2))
    tidy_mirror(driver, folder_of(driver).parent, {"key": False})
    assert driver.names(folder_of(driver)) == {}


def test_tidying_does_not_wait_for_storage_that_is_away(node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: Mirror, folder: Path) -> None:
        raise OSError("AWS Error NETWORK_CONNECTION")

    monkeypatch.setattr(Mirror, "_names", away)
    tidy_mirror(node("driver"), node("driver").root, {"key": False})


# What cannot be one


@pytest.mark.processes
def test_storage_that_can_be_written_to_is_left_as_it_was(url: str, node: Any) -> None:
    check_storage(url)
    assert node("here").names(node("here").root) == {}


@pytest.mark.processes
@pytest.mark.parametrize(
    "wrong", ["bogus://x/y", "nowhere", "s3://", "s3://no such/x", "s3://no-such-bucket/x"]
)
def test_what_is_no_storage_is_refused(s3: Any, wrong: str) -> None:
    with pytest.raises(RequestError, match=r"^--storage-url .*: must be .* s3://BUCKET/PREFIX") as error:
        check_storage(wrong)
    assert "\n" not in str(error.value)
    assert f"--storage-url {wrong}: " in str(error.value)


@pytest.mark.processes
def test_storage_that_does_not_answer_is_refused_soon(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(mirror, "PROBE_LIMIT", 3.0)
        with pytest.raises(RequestError, match="no answer within 3 seconds"):
            check_storage("s3://bucket/x")


@pytest.mark.processes
def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match="must be a folder"):
        check_storage((tmp_path / "file" / "x").as_uri())
    assert os.listdir(tmp_path) == ["file"]
