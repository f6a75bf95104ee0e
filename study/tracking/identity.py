"""The identity of a run within its study, which its tags show."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["IDENTITY", "PARENT", "identity_of"]

IDENTITY, PARENT = "kdstudy.identity", "mlflow.parentRunId"


def identity_of(tags: Mapping[str, str]) -> str | None:
    """Return the identity of a run within its study; None if its tags show none.

    If the tag of the identity was removed, the identity follows from the other tags.
    """
    if IDENTITY in tags:
        return tags[IDENTITY]
    phase = tags.get("kdstudy.phase")
    if phase == "study":
        return phase
    of_phase = {
        "arm": "kdstudy.arm",
        "teacher": "kdstudy.key",
        "search": "kdstudy.key",
        "confirm": "kdstudy.key",
    }
    named = tags.get(of_phase.get(phase or "", ""))
    return None if named is None else f"{phase if phase in ('arm', 'teacher') else 'trial'}/{named}"
