"""The answer of a study."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from analysis.record.study_record import StudyRecord
from analysis.verdict import results as results_module
from analysis.verdict.answer import answer
from analysis.verdict.results import Results


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Callable[[StudyRecord], str]:
    """The answer, as if no finding were made and the best values of every arm were known."""
    monkeypatch.setattr(results_module, "audit", lambda record: [])
    monkeypatch.setattr(results_module, "shortfalls", lambda record: {})
    return lambda record: " ".join(answer(Results(record)))
