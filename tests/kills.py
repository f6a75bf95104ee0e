"""A kill that a test places in its own process."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["killed_in"]


def killed_in(patch: pytest.MonkeyPatch, owner: Any, name: str, call: int) -> None:
    """From now on, the `call`-th call of `owner.name` is where the process dies."""
    real, calls = getattr(owner, name), iter(range(1, 1000))

    def dying(*arguments: Any, **options: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    patch.setattr(owner, name, dying)
