"""All errors of the engine, as one tree. The exit code of a command follows from the error's place in it.

    RequestError          the user's request cannot be served; nothing was written       exit 2
    StudyStopped          the study pauses here, and can be resumed                      exit 1
      StorageAway         the storage at a URL did not answer for too long               exit 1
      TeacherDiverged     the teacher cannot be trained with the study's settings        exit 1
    Away                  a database does not answer now, and may come back; the driver waits and tries again

Every other exception is a fault of this program, and ends in a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "Away",
    "RequestError",
    "StorageAway",
    "StudyStopped",
    "TeacherDiverged",
    "did_you_mean",
    "first_line",
]


class RequestError(ValueError):
    """A request that cannot be served. The text is one line: the file, the field, and what is allowed."""


class StudyStopped(Exception):
    """The study cannot go on now; the text (one line) is the reason.

    All measurements are kept, and the study can be resumed.
    """


class StorageAway(StudyStopped):
    """The storage at a URL did not answer for too long."""


class TeacherDiverged(StudyStopped):
    """The teacher diverged, or its outputs are no numbers. A resume would only repeat this."""


class Away(Exception):
    """A database does not answer now, and may come back."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for the text of a `RequestError`: " (did you mean quasi?)"; empty if no known name is near."""
    import difflib  # needed only if something is wrong

    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def first_line(error: BaseException) -> str:
    """The first line of the error's text, with the second line if the first ends with a colon.

    If the text is empty: the error's class.
    """
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
