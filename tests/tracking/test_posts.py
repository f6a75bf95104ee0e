"""What MLflow has to receive: each trial is marked until it has been sent, and is sent in the end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from study.ledger.ledger import Ledger
from study.ledger.progress import summary
from study.ledger.records import Record, State
from study.planning.plan import Plan
from study.storage.artifacts import Store
from study.storage.attempts import TEXTS, attempt_folder, send_attempt, write_ending
from study.storage.mirror import Mirror
from study.tracking import posts as posts_module
from study.tracking.journal import Journal, find_unsent, unsent_mark
from study.tracking.outbox import Outbox
from study.tracking.page.notes import NOTE
from study.tracking.posts import Posts, configs_of
from study.tracking.tracker import Tracker
from study.trial.inputs import Inputs
from study.trial.progress import Progress
from tests.tracking.jobs import LONG, Slow
from tests.tracking.recorded import runs, trial

MakeReport = Callable[..., Progress]
Track = Callable[..., Tracker]


@pytest.fixture
def study(
    make_plan: Any, open_ledger: Any, tracking_uri: str, tmp_path: Path, request: pytest.FixtureRequest
) -> tuple[Ledger, Tracker]:
    ledger: Ledger = open_ledger(make_plan(name=request.node.name))
    assert ledger.plan is not None
    return ledger, Tracker(tracking_uri, tmp_path.as_uri(), ledger.plan, ledger.study_id)


def test_a_trial_is_marked_while_it_runs_or_mlflow_lacks_something(
    box: Outbox, study: tuple[Ledger, Tracker], make_report: Any, tmp_path: Path
) -> None:
    ledger, tracker = study
    record = ledger.ask_search()
    assert record is not None
    posts = Posts(box, tracker, tmp_path, Store(tmp_path / "artifacts"))
    folder = posts.trials / record.key
    slow = Slow([], "slow")
    box.put("slow", slow)
    assert slow.under_way.wait(LONG)
    posts.trial(record, Journal(folder), State.RUNNING)
    assert find_unsent(tmp_path / "trials") == [folder]  # before anything is sent
    slow.go_on.set()
    for state in (State.RUNNING, State.SCHEDULED, State.RUNNING, State.COMPLETE, State.RUNNING):
        journal = Journal(folder)
        journal.add(make_report(1, 0.5, "complete"))
        posts.trial(record, journal, state)
        assert box.flush(LONG)
        assert unsent_mark(folder).exists() is (state == State.RUNNING)
    assert find_unsent(tmp_path / "absent") == []


def test_the_mark_stays_where_mlflow_does_not_take_the_end(
    box: Outbox, study: tuple[Ledger, Tracker], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ledger, tracker = study
    record = ledger.ask_search()
    assert record is not None
    posts = Posts(box, tracker, tmp_path, Store(tmp_path / "artifacts"))
    folder = posts.trials / record.key

    def away(*values: Any, **more: Any) -> None:
        raise ConnectionError("no")

    with monkeypatch.context() as patch:
        patch.setattr(tracker.runs.client, "set_terminated", away)
        posts.trial(record, Journal(folder), State.COMPLETE)
        assert not box.flush(LONG)
        assert unsent_mark(folder).exists()
    assert box.flush(LONG, even_away=True)
    assert not unsent_mark(folder).exists()


@pytest.fixture
def posts(box: Outbox, track: Track, plan: Plan, tmp_path: Path) -> Posts:
    """The posts of a study with a folder and a tracker of its own."""
    (tmp_path / "study").mkdir()
    return Posts(box, track(plan), tmp_path / "study", Store(tmp_path / "artifacts"))


def marked(posts: Posts, record: Record, *reports: Progress) -> Path:
    """Make the folder of a trial that a former process left unsent; returns the folder."""
    folder = posts.trials / record.key
    folder.mkdir(parents=True)
    for report in reports:
        Journal(folder).add(report)
    unsent_mark(folder).touch()
    return folder


def test_an_outbox_with_the_ends_of_too_many_trials_is_full_however_many_trials_run(
    track: Track, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts_module, "BOUND", 2)
    posts = Posts(Outbox(), track(plan), tmp_path, Store(tmp_path / "artifacts"))  # nobody enters the outbox
    for rate, full in ((1e-3, False), (2e-3, True)):
        posts.trial(trial(plan, rate=10 * rate), Journal(tmp_path), State.RUNNING)
        posts.trial(trial(plan, rate=rate), Journal(tmp_path), State.COMPLETE)
        assert posts.full is full


def test_what_former_processes_left_is_sent_as_it_stands_now(
    posts: Posts, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """The run of a trial that has not ended becomes SCHEDULED, because the trial is not running now."""
    ended, begun = trial(plan, outcome=State.COMPLETE), trial(plan, rate=2e-3)
    sent = trial(plan, rate=3e-3, outcome=State.COMPLETE)
    posts.tracker.replay(sent, [make_report(1, 0.5, "complete")], State.COMPLETE)
    before = client.search_runs([posts.tracker.runs.experiment], f"tags.kdstudy.key = '{sent.key}'")
    marked(posts, ended, make_report(1, 0.4), make_report(2, 0.5, "complete"))
    marked(posts, begun, make_report(1, 0.4))
    assert posts.unsent([ended, begun, sent]) == 2
    assert posts.outbox.flush(LONG)
    found = {run.data.tags["kdstudy.key"]: run for run in runs(client, plan, "search")}
    assert {key: run.info.status for key, run in found.items()} == {
        ended.key: "FINISHED",
        begun.key: "SCHEDULED",
        sent.key: "FINISHED",
    }
    assert posts.lacked == set()
    assert found[sent.key].to_dictionary() == before[0].to_dictionary()
    assert found[ended.key].data.metrics["seconds"] == 1.5
    assert find_unsent(posts.trials) == []


def test_a_mark_without_a_record_is_left_alone(posts: Posts, plan: Plan) -> None:
    """The ledger has no such trial, so the trial is not of this study."""
    folder = marked(posts, trial(plan))
    assert posts.unsent([]) == 0
    assert len(posts.outbox) == 0
    assert unsent_mark(folder).exists()


def test_a_study_is_marked_from_its_begin_until_its_runs_are_scheduled_or_closed(
    posts: Posts, plan: Plan, client: MlflowClient
) -> None:
    expected = (("begin", "RUNNING"), ("pause", "SCHEDULED"), ("begin", "RUNNING"), ("finish", "FINISHED"))
    for state, status in expected:
        posts.study([], state)  # type: ignore[arg-type]
        assert posts.outbox.flush(LONG)
        assert {run.info.status for run in runs(client, plan)} == {status}
        assert unsent_mark(posts.folder).exists() is (state == "begin")


def test_a_study_that_is_paused_shows_nothing_as_running(
    posts: Posts, plan: Plan, client: MlflowClient
) -> None:
    record = replace(trial(plan), outcome=None, driver="me")

    def shown() -> list[bool]:
        assert posts.outbox.flush(LONG)
        return ["1 running" in run.data.tags.get(NOTE, "") for run in runs(client, plan)]

    posts.progress(summary(plan, [record], "me"))
    assert sum(shown()) == 2  # the study and the arm
    posts.study([], "pause")
    assert not any(shown())


def test_teachers_are_sent_with_the_study_also_at_a_second_try(
    posts: Posts, plan: Plan, client: MlflowClient, make_report: MakeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A teacher that many arms share is sent once. A teacher without outputs is left out."""
    configs = configs_of(plan, [])
    posts.study(configs, "begin")
    assert posts.outbox.flush(LONG)
    assert runs(client, plan, "teacher") == []
    one = Inputs(posts.store, configs[0])
    scores = {"time_ms": 1_700_000_000_000, "parameters": 5000, "numerics": {}}
    text = json.dumps((make_report(1, 0.8).validation or {}) | scores)

    def build(target: Path, work: Path) -> None:
        (target / "scores.json").write_text(text, encoding="utf-8")

    posts.store.build("outputs", one.outputs_key("validation"), build)
    begin, answers = posts.tracker.begin, iter([False, True])

    def lose() -> None:
        begin()
        if not next(answers):
            raise ConnectionError("connection reset")

    monkeypatch.setattr(posts.tracker, "begin", lose)
    posts.study(configs, "begin")
    assert posts.outbox.flush(LONG, even_away=True)
    assert next(answers, None) is None
    (run,) = runs(client, plan, "teacher")
    assert run.data.tags["kdstudy.key"] == one.teacher_key
    assert run.data.metrics["validation/accuracy/deu"] == 0.8


def test_the_texts_of_the_task_are_counted_once_and_go_on_record(
    posts: Posts, plan: Plan, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts.study([], "begin")
    assert posts.outbox.flush(LONG)
    (study,) = runs(client, plan, "study")
    assert "kdstudy.texts.test" not in study.data.tags  # the task is not in the store
    posts.store.build("tasks", plan.constants["task"], lambda target, work: None)
    counts, counted = {"train": {"deu": 80, "a =b": 0}, "test": {"deu": 20, "a =b": 5}}, list[Path]()

    def count(folder: Path) -> dict[str, dict[str, int]]:
        counted.append(folder)
        return counts

    monkeypatch.setattr(posts_module, "count_saved_texts", count)
    for state in ("begin", "finish"):
        posts.study([], state)
        assert posts.outbox.flush(LONG)
    assert counted == [posts.store.path("tasks", plan.constants["task"])]
    (study,) = runs(client, plan, "study")
    for split, of_split in counts.items():
        assert json.loads(study.data.tags[f"kdstudy.texts.{split}"]) == of_split


def test_the_teachers_of_a_study_are_those_of_its_arms_and_of_all_that_was_started(plan: Plan) -> None:
    started = trial(plan, rate=3e-3)
    assert configs_of(plan, [started]) == [*plan.all_drafts(), started.config]


def confirmed(plan: Plan, make_report: MakeReport, posts: Posts, bits: str | None) -> Record:
    """A complete confirm run, as its worker has left it."""
    record = trial(plan, seed=1, phase="confirm", outcome=State.COMPLETE)
    own = attempt_folder(posts.trials / record.key, 1)
    own.mkdir(parents=True)
    if bits is not None:
        (own / TEXTS).write_text(bits)
    write_ending(own, [], {"key": record.key})
    Journal(posts.trials / record.key).add(make_report(1, 0.5, "complete", test=0.7))
    return record


@pytest.mark.parametrize("how", ["at its end", "in a later process", "compared", "lost and mirrored"])
def test_the_texts_of_a_confirm_run_are_sent_once(
    how: str, track: Track, plan: Plan, make_report: MakeReport, client: MlflowClient, tmp_path: Path
) -> None:
    """Whoever sends the run: its driver, the next one by the mark, or a comparison with MLflow."""
    mirror = Mirror(tmp_path, f"file://{tmp_path / 'there'}") if how == "lost and mirrored" else None
    store = Store(tmp_path / "artifacts", mirror)
    with Outbox() as box:
        posts = Posts(box, track(plan), tmp_path, store)
        record = confirmed(plan, make_report, posts, "bits")
        folder = posts.trials / record.key
        if how == "at its end":
            posts.trial(record, Journal(folder), State.COMPLETE)
        elif how == "in a later process":
            unsent_mark(folder).touch()
            posts.unsent([record])
        elif how == "compared":
            posts.unsent([record])
        else:  # the worker of another machine has sent its attempt to the mirror
            send_attempt(attempt_folder(folder, 1), mirror, ended=True)
            shutil.rmtree(attempt_folder(folder, 1))
            posts.trial(record, Journal(folder), State.COMPLETE)
        assert box.flush(LONG)
        posts.trial_as_it_stands(record)  # a second time: a kill came before the mark was removed
        assert box.flush(LONG)
        again = Posts(box, track(plan), tmp_path, store)
        again.unsent([record])
        assert box.flush(LONG)
        assert again.lacked == set()
    (run,) = runs(client, plan, "confirm")
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == [TEXTS]
    assert Path(client.download_artifacts(run.info.run_id, TEXTS)).read_text() == "bits"


def test_a_confirm_run_of_an_older_version_has_no_texts_and_lacks_nothing(
    track: Track, plan: Plan, make_report: MakeReport, client: MlflowClient, tmp_path: Path
) -> None:
    with Outbox() as box:
        posts = Posts(box, track(plan), tmp_path, Store(tmp_path / "artifacts"))
        record = confirmed(plan, make_report, posts, None)
        posts.trial_as_it_stands(record)
        assert box.flush(LONG)
        posts.unsent([record])
        assert box.flush(LONG)
        assert posts.lacked == set()
    (run,) = runs(client, plan, "confirm")
    assert run.info.status == "FINISHED"
    assert client.list_artifacts(run.info.run_id) == []
