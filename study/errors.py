"""What can go wrong, as one tree. A command's exit code follows from the error's place in the tree.

    RequestError          the user's request cannot be served; nothing was written       exit 2
    StudyStopped          the study pauses here, and can be resumed                      exit 1
      StorageAway         the storage at a URL did not answer for long enough            exit 1
    Away                  a database does not answer now, and may come back; the driver waits and tries again

Every other exception is a fault of this program and ends in a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Away", "RequestError", "StorageAway", "StudyStopped", "did_you_mean"]


class RequestError(ValueError):
    """A request that cannot be served. The text is one line: the file, the field, what would be right."""


class StudyStopped(Exception):
    """The study cannot go on here and now, for the reason in the text (one line).

    What was measured is kept, and the study can be resumed.
    """


class StorageAway(StudyStopped):
    """The storage at a URL did not answer for long enough."""


class Away(Exception):
    """The database does not answer, and may come back."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for the text of a `RequestError`: " (did you mean quasi?)"; empty if no known name is near."""
    import difflib  # needed only if something is wrong

    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
