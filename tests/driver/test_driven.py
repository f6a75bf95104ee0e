"""A study while it is driven: what is known only when its inputs are there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from study.driver import driven
from study.driver.ray_cluster import Resources
from study.errors import RequestError
from study.planning.request import Request
from study.trial.memory import Extent


def test_a_trial_that_has_no_room_is_refused_once_its_texts_are_counted(
    workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large task the vocabulary was estimated from a sample, and may turn out too large."""
    monkeypatch.setattr(driven, "largest", lambda plan: workshop.config())
    monkeypatch.setattr(driven, "known_extent", lambda inputs: Extent(10**9, 128, 4, 1000))
    study: Any = SimpleNamespace(
        plan=None, store=workshop.store, request=Request("demo"), resources=Resources(1, 0, 1)
    )
    workshop.inputs(workshop.config())
    with pytest.raises(RequestError, match="memory: a student of depth"):
        driven.DrivenStudy.sized(study)
