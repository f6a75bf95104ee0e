"""All errors of the engine, as one tree. The exit code of a command follows from the error's place in it.

    RequestError          the user's request cannot be served; nothing was written       exit 2
    StudyStopped          the study pauses here, and can be resumed                      exit 1
      StorageAway         the storage at a URL did not answer for too long               exit 1
      RayFailed           Ray itself, a worker or a machine has died                     exit 1
      TeacherDiverged     the teacher cannot be trained with the study's settings        exit 1
    Away                  a database does not answer now, and may come back; the driver waits and tries again

Every other exception is a fault of this program, and ends in a traceback.

No text of these errors holds a password: `masked` takes the passwords out of the URLs in it.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable

__all__ = [
    "Away",
    "RayFailed",
    "RequestError",
    "StorageAway",
    "StudyStopped",
    "TeacherDiverged",
    "did_you_mean",
    "first_line",
    "masked",
    "no_permission",
    "no_such_path",
    "plain_reason",
    "refusal",
]

PASSWORD = re.compile(r"(://[^:/?#\s]*):[^/?#\s]*@")
UNQUOTED_PASSWORD = re.compile(r"(://[^:/?#\s]*):(?!\*\*\*@)\S*@")  # with a / or ? that should be %2F or %3F
SPACED_PASSWORD = re.compile(r"(://[^:/?#\s]*):(?!\*\*\*@|\d+(?:[\s,;.):/?#]|$))[^\s@][^@\n]*@")
TOKEN = re.compile(r"(https?://)[^:/?#\s@*]+@")  # in place of a user
# The id of a saved view in a link to MLflow's UI is called a key, and is no secret.
SECRET = re.compile(
    r"([?&;#](?!viewStateShareKey=)[^=&;\s]*(?:pass|pwd|secret|token|key|credential|sig|auth)[^=&;\s]*=)[^&\s]*",
    re.I,
)
IN_A_STRING = re.compile(
    r"((?:\b|%3B)(?:password|pwd)(?:=|%3D)).+?(?=%3B|[&;\s'\"]|$)", re.I
)  # of ODBC, of libpq
DRIVERS_WORDS = re.compile(
    r"^\(\w+\.[\w.]+\) "
)  # SQLAlchemy begins with the class, "(sqlite3.OperationalError) "

REFUSALS = {
    "UNAUTHENTICATED": "the server does not accept this user: "
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    "PERMISSION_DENIED": "the server has not given this user the permission; the experiment's owner can give "
    "MANAGE, or set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD of another user",
}
"""MLflow's code of an error with which its server refuses a user -> what to do (HTTP 401 and 403)."""


class RequestError(ValueError):
    """A request that cannot be served. The text is one line: the file, the field, and what is allowed."""

    def __init__(self, text: str) -> None:
        super().__init__(masked(text))


class StudyStopped(Exception):
    """The study cannot go on now; the text (one line) is the reason.

    All measurements are kept, and the study can be resumed.
    """

    def __init__(self, text: str) -> None:
        super().__init__(masked(text))


class StorageAway(StudyStopped):
    """The storage at a URL did not answer for too long."""


class RayFailed(StudyStopped):
    """Ray gave up: Ray itself has died, or a worker or a machine has died too often."""


class TeacherDiverged(StudyStopped):
    """The teacher diverged, or its outputs are no numbers. A resume would only repeat this."""


class Away(Exception):
    """A database does not answer now, and may come back."""

    def __init__(self, text: str) -> None:
        super().__init__(masked(text))


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


def masked(text: str) -> str:
    """`text` without the passwords of URLs, and without the secrets in their queries.

    Whatever leaves the program goes through this function: errors, logs, tracebacks, files, MLflow.
    """
    for pattern in (PASSWORD, UNQUOTED_PASSWORD, SPACED_PASSWORD):
        text = pattern.sub(r"\1:***@", text)
    for pattern in (SECRET, IN_A_STRING):
        text = pattern.sub(r"\1***", text)
    return TOKEN.sub(r"\1***@", text)


def no_such_path(error: OSError) -> str | None:
    """The line for an error that means "no file can be here", with the path; None for any other error."""
    if error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return None


def plain_reason(error: BaseException) -> str:
    """Why a database or a server refuses, in one line: without a class's name, SQL, and passwords."""
    if (text := refusal(error)) is not None:
        return text
    text = DRIVERS_WORDS.sub("", first_line(error)).partition(" [SQL:")[0]
    if text == "database is locked":
        return "the database is locked by another process"
    return masked(text)


def refusal(error: BaseException) -> str | None:
    """What to do if MLflow's server has refused the user or the host name; None for any other error."""
    if "Invalid Host header" in str(error):
        return (
            "the server does not serve this host name; its option --allowed-hosts names those that it serves"
        )
    return REFUSALS.get(str(getattr(error, "error_code", "")))


def no_permission(error: BaseException | None) -> str | None:
    """The line for an error that means "no permission", with the file; None for any other error.

    The errors that caused `error` are looked at too.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM) and error.filename:
            return f"{error.filename}: no permission: this user may not read or write it"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None
