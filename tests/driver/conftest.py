"""`new_driver`: processes that drive one study, one after another, their trials played by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from study.tracking.outbox import Outbox
from tests.driver.driving import Driver, MakePlan, MakeReport


@pytest.fixture
def new_driver(
    make_plan: MakePlan,
    make_report: MakeReport,
    fast_sqlite: None,
    tracking_uri: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Driver]]:
    """`new_driver(...)`: a new process that drives the study of this test. The process before is gone.

    The keywords are those of the search space.
    """
    drivers: list[Driver] = []

    def new(outbox: Callable[[], Outbox] = Outbox, **roles: Any) -> Driver:
        for driver in drivers:
            driver.leave()
        drivers.clear()
        name = request.node.name.replace("[", " ").replace("]", "")
        drivers.append(Driver(make_plan(name=name, **roles), tmp_path, tracking_uri, make_report, outbox()))
        return drivers[-1]

    yield new
    for driver in drivers:
        driver.leave()
