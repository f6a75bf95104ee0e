"""One phase over Ray Tune: whatever the driver's side meets there is raised as it is, and at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import find_cluster
from study import tune
from study.config import StudyStopped
from study.records import Record
from study.tune import Resources, connected, run_phase


@pytest.fixture(scope="module", autouse=True)
def ray_here() -> Iterator[None]:
    with connected(find_cluster("local")):
        yield


@pytest.fixture(autouse=True)
def trials_of_one_report(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(asked: dict[str, Any]) -> None:
        from ray import tune

        tune.report({"report": "{}"})

    monkeypatch.setattr(tune, "train", train)


class Trials:
    """In place of a lifecycle: `count` trials; the first call of `broken` raises `error`."""

    def __init__(self, count: int, broken: str, error: Exception) -> None:
        self.left, self.broken, self.error = count, broken, error
        self.running: dict[str, Record] = {}
        self.attempts: dict[str, int] = {}
        self.calls: list[str] = []

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name == self.broken:
            raise self.error

    def folder(self, key: str) -> Path:
        return Path("nowhere")

    def paused(self) -> bool:
        return False

    def next(self) -> Record | None:
        self._called("next")
        if not self.left:
            return None
        self.left -= 1
        key = str(self.left)
        self.attempts[key] = 1
        self.running[key] = Record(key, "search", "all", self.left, {}, None, None, None, self.left)
        return self.running[key]

    def report(self, key: str, attempt: int, report: dict[str, Any]) -> bool:
        self._called("report")
        return False

    def end(self, key: str, traceback: str | None = None) -> None:
        self._called("end")
        del self.running[key]


@pytest.mark.parametrize("error", [StudyStopped("database or disk is full"), OSError(28, "No space left")])
@pytest.mark.parametrize("broken", ["next", "report", "end"])
def test_what_the_driver_meets_is_raised_as_it_is_and_nothing_is_called_after_it(
    broken: str, error: Exception
) -> None:
    """Tune would make a TuneError of it, or take it for the trial's own and ask the ledger again."""
    trials: Any = Trials(3, broken, error)
    with pytest.raises(type(error)) as raised:
        run_phase(trials, None, Resources(1, 0, 1), lambda: None)  # type: ignore[arg-type]
    assert raised.value is error
    assert trials.calls[-1] == broken
    assert trials.calls.count(broken) == 1


def test_a_phase_without_trouble_ends_when_there_is_no_next() -> None:
    trials: Any = Trials(2, "nothing", ValueError())
    run_phase(trials, None, Resources(1, 0, 1), lambda: None)  # type: ignore[arg-type]
    assert trials.running == {}
    assert sorted(trials.calls) == ["end", "end", "next", "next", "next", "report", "report"]
