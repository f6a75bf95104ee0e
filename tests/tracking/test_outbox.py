"""The outbox: in the end every job has run, in order, however often the server was away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from study.tracking import outbox
from study.tracking.outbox import Outbox
from tests.tracking.jobs import LONG, Slow, does


def test_jobs_are_done_in_the_order_in_which_they_came(box: Outbox) -> None:
    done: list[str] = []
    for number in range(50):
        box.put(str(number), does(done, str(number)))
    assert box.flush(LONG)
    assert done == [str(number) for number in range(50)]
    assert (len(box), box.away) == (0, None)


def test_jobs_are_done_one_after_another_and_elsewhere(box: Outbox) -> None:
    done: list[str] = []
    threads: list[int] = []

    def second() -> None:
        threads.append(threading.get_ident())
        done.append("second")

    first = Slow(done, "first")
    box.put("first", first)
    box.put("second", second)
    assert first.under_way.wait(LONG)
    assert (done, len(box)) == ([], 2)
    first.go_on.set()
    assert box.flush(LONG)
    assert done == ["first", "second"]
    assert threading.get_ident() not in threads


def test_a_later_job_of_a_name_replaces_one_that_waits(box: Outbox) -> None:
    done: list[str] = []
    first = Slow(done, "first")
    box.put("first", first)
    assert first.under_way.wait(LONG)
    for version in ("old", "newer", "newest"):
        box.put("a", does(done, f"a {version}"))
        box.put("b", does(done, f"b {version}"))
    assert len(box) == 3
    first.go_on.set()
    assert box.flush(LONG)
    assert done == ["first", "a newest", "b newest"]


def test_a_later_job_of_a_name_follows_one_that_is_under_way(box: Outbox) -> None:
    done: list[str] = []
    first = Slow(done, "old")
    box.put("a", first)
    assert first.under_way.wait(LONG)
    box.put("a", does(done, "new"))
    assert not box.flush(0.01)
    first.go_on.set()
    assert box.flush(LONG)
    assert done == ["old", "new"]


def test_reports_that_come_fast_are_sent_together_and_the_last_at_once(
    box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "APART", 0.2)
    done: list[str] = []
    began = time.monotonic()
    while time.monotonic() < began + 1:
        box.put("trial", does(done, "report"), last=False)
        time.sleep(0.01)
    assert 1 <= len(done) <= 5

    monkeypatch.setattr(outbox, "APART", 3 * LONG)  # as good as never, unless it is the end
    done.clear()
    for report in ("1", "2", "3"):
        box.put("trial", does(done, report), last=False)
    box.put("other", does(done, "other"))
    box.put("trial", does(done, "end"))
    while len(box):
        time.sleep(0.001)
    assert sorted(done) == ["end", "other"]


def test_who_waits_for_all_does_not_wait_until_a_report_is_due(
    box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "APART", 3 * LONG)
    done: list[str] = []
    box.put("trial", does(done, "report"), last=False)
    assert box.flush(LONG)
    assert done == ["report"]


def test_while_its_server_is_away_a_job_is_tried_again(box: Outbox) -> None:
    """A real server on a port of its own, which does not listen at first."""
    answered: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answered.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *values: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Server, bind_and_activate=False)
    server.server_bind()  # a port that nobody else takes, and on which nobody listens yet
    port, attempts = server.server_address[1], []

    def call() -> None:
        attempts.append(1)
        with closing(HTTPConnection("127.0.0.1", port, timeout=LONG)) as connection:
            connection.request("GET", "/job")
            connection.getresponse().read()

    box.put("call", call)
    assert not box.flush(LONG)
    assert box.away is not None
    assert "refused" in box.away
    while len(attempts) < 4:
        time.sleep(0.01)
    assert len(box) == 1
    server.server_activate()
    answering = threading.Thread(target=server.serve_forever, args=(0.01,))
    answering.start()
    assert box.flush(LONG, even_away=True)
    server.shutdown()
    answering.join()
    server.server_close()
    assert answered == ["/job"]
    assert len(box) == 0
    assert box.away is None


def test_pauses_grow_to_the_longest_and_begin_anew_after_a_success(
    box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test has a clock that only the outbox's waiting moves."""
    pauses: list[float] = []
    now = [0.0]
    wait = threading.Condition.wait

    def pause(self: threading.Condition, timeout: float | None = None) -> bool:
        if threading.current_thread() not in box._threads or timeout is None:
            return wait(self, timeout)
        pauses.append(timeout)
        now[0] += timeout
        return False

    monkeypatch.setattr(threading.Condition, "wait", pause)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for _ in range(2):
        fails = iter([True] * 5 + [False])

        def job(fails: Iterator[bool] = fails) -> None:
            if next(fails):
                raise ConnectionError("no")

        pauses.clear()
        box.put("a", job)
        assert box.flush(LONG, even_away=True)
        assert pauses == pytest.approx([0.01, 0.02, 0.04, 0.04, 0.04])


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionError("connection refused\nin detail"), "connection refused"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("  \n"), "ValueError"),
    ],
)
def test_it_says_in_one_line_why_nothing_is_sent(box: Outbox, error: Exception, why: str) -> None:
    def away() -> None:
        raise error

    box.put("a", away)
    assert not box.flush(LONG)
    assert box.away == why


def test_a_job_that_always_fails_does_not_hold_up_the_others(box: Outbox) -> None:
    """If MLflow refuses one job, the other jobs run all the same."""
    done: list[str] = []

    def refused() -> None:
        raise ValueError("MLflow does not take it")

    box.put("refused", refused)
    for number in range(5):
        box.put(str(number), does(done, str(number)))
    deadline = time.monotonic() + LONG
    while len(box) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(done) == ["0", "1", "2", "3", "4"]
    assert len(box) == 1
    box.put("refused", does(done, "mended"))
    assert box.flush(LONG, even_away=True)
    assert done[-1] == "mended"


def test_a_flush_gives_up_at_once_while_the_server_is_away(box: Outbox) -> None:
    def away() -> None:
        raise ConnectionError("no")

    box.put("a", away)
    assert not box.flush(3600)
    assert not box.flush(3600)
    assert not box.flush(0.1, even_away=True)


def test_a_flush_of_nothing_is_done(box: Outbox) -> None:
    assert box.flush(0)
    assert box.flush(0, even_away=True)


def test_a_flush_waits_no_longer_than_its_patience(box: Outbox) -> None:
    slow = Slow([], "slow")
    box.put("slow", slow)
    assert slow.under_way.wait(LONG)
    assert not box.flush(0.05)
    slow.go_on.set()
    assert box.flush(LONG)


def test_the_last_wait_goes_on_while_jobs_get_done(box: Outbox) -> None:
    """A server that is back late gets all jobs, as long as it takes them."""
    waiting = threading.Event()

    def wait() -> None:
        waiting.wait(0.1)

    for name in map(str, range(8)):
        box.put(name, wait)
    assert not box.flush(0.25, even_away=True)
    assert box.finish(0.25)


def test_the_last_wait_ends_where_nothing_gets_done(box: Outbox) -> None:
    def away() -> None:
        raise ConnectionError("no")

    box.put("a", away)
    assert not box.finish(0.1)
    assert len(box) == 1


class Killed(BaseException):
    """An error that is no Exception."""


def test_what_is_no_error_of_a_client_is_raised_where_the_job_is_waited_for(box: Outbox) -> None:
    done: list[str] = []

    def killed() -> None:
        raise Killed

    box.put("killed", killed)
    box.put("after", does(done, "after"))
    for _ in range(2):
        with pytest.raises(Killed):
            box.flush(LONG)
    assert done == []


def test_what_is_no_error_of_a_client_is_raised_after_the_server_was_away_too(box: Outbox) -> None:
    errors = iter([ConnectionError("no"), Killed()])

    def job() -> None:
        raise next(errors)

    box.put("a", job)
    box._threads[0].join(LONG)
    assert not box._threads[0].is_alive()
    with pytest.raises(Killed):
        box.flush(LONG)


def test_left_with_jobs_it_does_not_do_them(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next process finds the rest on disk, by its marks."""
    monkeypatch.setattr(outbox, "LAST_JOB", 0.01)
    done: list[str] = []
    first = Slow(done, "first")
    box.put("first", first)
    assert first.under_way.wait(LONG)
    box.put("second", does(done, "second"))
    box.__exit__(None, None, None)
    first.go_on.set()
    box._threads[0].join(LONG)
    assert done == ["first"]
    assert len(box) == 1


def test_left_while_the_server_is_away_it_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "RETRY", (3600.0, 3600.0))

    def away() -> None:
        raise ConnectionError("no")

    with Outbox() as box:
        box.put("a", away)
        assert not box.flush(LONG)
    box._threads[0].join(LONG)
    assert not box._threads[0].is_alive()


# Of two drivers one writes


def test_while_it_is_not_known_that_the_lease_is_held_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "RETRY", (0.01, 0.02))
    held, done = threading.Event(), []
    with Outbox(held.is_set) as box:
        box.put("a", lambda: done.append("a"))
        assert not box.flush(0.2)
        assert (done, box.away, len(box)) == ([], None, 1)
        held.set()
        assert box.flush(20)
    assert done == ["a"]


# Several threads


def test_several_threads_run_jobs_at_once_and_never_two_of_one_name(box: Outbox) -> None:
    done: list[str] = []
    box.several()
    slow = [Slow(done, str(number)) for number in range(outbox.SENDERS)]
    for number, job in enumerate(slow):
        box.put(str(number), job)
    for job in slow:
        assert job.under_way.wait(LONG)
    box.put("0", does(done, "0 again"))
    box.put("last", does(done, "last"))
    assert not box.flush(0.1, only="0"), "the job before of this name is under way"
    for job in slow[1:]:
        job.go_on.set()
    assert box.flush(LONG, only="last")
    assert "0 again" not in done
    slow[0].go_on.set()
    assert box.flush(LONG)
    assert done.index("0") < done.index("0 again")
    assert sorted(done) == ["0", "0 again", "1", "2", "3", "last"]


def test_the_ends_of_trials_come_before_the_reports_of_others(
    box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place of a trial that has ended is free when its end was sent."""
    monkeypatch.setattr(outbox, "APART", 0.0)
    done: list[str] = []
    first = Slow(done, "first")
    box.put("first", first)
    assert first.under_way.wait(LONG)
    for number in range(3):
        box.put(f"runs {number}", does(done, f"report {number}"), last=False)
    box.put("ends", does(done, "end"))
    first.go_on.set()
    assert box.flush(LONG)
    assert done == ["first", "end", "report 0", "report 1", "report 2"]


# Together


class Blocks:
    """Blocks of an outbox: what each of them ran is in `whole` if it was committed, in `failed` otherwise."""

    def __init__(self, done: list[str]) -> None:
        self.done = done
        self.whole: list[list[str]] = []
        self.failed: list[list[str]] = []
        self.refuse = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        before = len(self.done)
        try:
            yield
            if self.refuse:
                self.refuse -= 1
                raise OSError("no answer to the commit")
        except OSError:
            self.failed.append(self.done[before:])
            raise
        self.whole.append(self.done[before:])


def put_behind(box: Outbox, done: list[str], *jobs: tuple[str, Callable[[], None], Path | None]) -> None:
    """Put jobs that are due together: a slow job runs meanwhile."""
    first = Slow(done, "first")
    box.put("first", first)
    assert first.under_way.wait(LONG)
    for job in jobs:
        box.put(*job)
    first.go_on.set()
    assert box.flush(LONG, even_away=True)


def test_jobs_that_are_due_together_are_one_transaction_and_their_marks_go_after_it(
    box: Outbox, tmp_path: Path
) -> None:
    done: list[str] = []
    blocks, mark = Blocks(done), tmp_path / "unsent"
    box.together = blocks

    def marked() -> None:
        done.append("a" if mark.exists() else "the mark went too early")

    put_behind(box, done, ("a", marked, mark), ("b", does(done, "b"), None), ("c", does(done, "c"), None))
    assert (done, blocks.whole) == (["first", "a", "b", "c"], [["a", "b", "c"]])
    assert not mark.exists()


def test_if_one_of_them_fails_they_run_one_by_one_and_no_other_waits_for_it(
    box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RETRY", (0.001, 0.01))
    done: list[str] = []
    blocks, left = Blocks(done), [3]
    box.together = blocks

    def fails() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise OSError("no")
        done.append("b")

    put_behind(box, done, ("a", does(done, "a"), None), ("b", fails, None), ("c", does(done, "c"), None))
    assert blocks.failed[0] == ["a"]
    assert done[:4] == ["first", "a", "a", "c"], "the first time of a was not committed"
    assert done[-1] == "b"


def test_if_the_commit_fails_nothing_counts_as_sent(box: Outbox, tmp_path: Path) -> None:
    done: list[str] = []
    blocks, mark = Blocks(done), tmp_path / "unsent"
    blocks.refuse, box.together = 1, blocks
    put_behind(box, done, ("a", does(done, "a"), mark), ("b", does(done, "b"), None))
    assert blocks.failed == [["a", "b"]]
    assert done == ["first", "a", "b", "a", "b"]
    assert not mark.exists()
