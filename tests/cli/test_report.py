"""The tables of a report on the command line; tests/analysis tests the report itself."""

from __future__ import annotations

import pandas as pd

from study.cli.report import frame_table
from tests.cli.shown import rows


def test_a_frame_is_shown_as_it_is() -> None:
    frame = pd.DataFrame({"arm": ["a", "b"], "test": [0.5, None], "seeds": [2, 0]})
    assert rows(frame_table(frame, "title"))[2:] == [["a", "0.500", "2"], ["b", "-", "0"]]
