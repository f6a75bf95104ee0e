"""The tables of one trial on the command line."""

from __future__ import annotations

from typing import Any

from study.cli.trial import scores_table
from tests.cli.shown import rows


def test_scores_of_a_trial_are_languages_by_split_and_metric_macro_and_worst_last() -> None:
    def scores(**languages: float) -> dict[str, Any]:
        over = {"macro": 0.7, "worst": 0.6, "by_language": languages}
        return {"accuracy": over, "macro_f1": over, "retention": {**over, "macro": None}}

    table = scores_table({"validation": scores(yor=0.6, deu=0.8), "test": scores(deu=0.9)})
    assert [column.header for column in table.columns] == [
        "language",
        *(
            f"{split} {name}"
            for split in ("validation", "test")
            for name in ("accuracy", "macro-F1", "retention")
        ),
    ]
    found = {name: cells for name, *cells in rows(table)[1:]}
    assert list(found) == ["deu", "yor", "macro", "worst"]
    assert found["deu"] == ["0.800"] * 3 + ["0.900"] * 3
    assert found["yor"] == ["0.600"] * 3 + ["-"] * 3
    assert found["macro"] == ["0.700", "0.700", "-"] * 2


def test_a_split_without_scores_has_no_column() -> None:
    assert [column.header for column in scores_table({"validation": None, "test": None}).columns] == [
        "language"
    ]
