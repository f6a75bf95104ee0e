"""The large study that is read for time is one that MLflow could have written."""

from __future__ import annotations

from pathlib import Path

from analysis.record.design import confirmed
from tests.analysis.recorded import assert_same
from tests.benchmarks.report import SEEDS, by_client, generate, read


def test_the_large_study_is_read_as_mlflows_client_gives_it(tracking_uri: str) -> None:
    generate(Path(tracking_uri.removeprefix("sqlite:///")), 24 * (SEEDS + 2), 3)
    record = read(tracking_uri)
    assert_same(record, by_client(tracking_uri))
    assert record.trials.groupby("phase").size().to_dict() == {"search": 48, "confirm": 240}
    assert len(record.scores) == 288 * 6 * (3 + 2)
    assert len(record.curves) == (240 + 24) * 4
    assert len(confirmed(record)) == 240 * (3 + 2)
