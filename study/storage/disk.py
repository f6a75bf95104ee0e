"""A disk that is full or read-only, or a file of another user: the study stops, and can be resumed later.

The operating system reports this with an error number. A library that writes files itself may hide the
number: Rust libraries (safetensors, tokenizers) end their text in "(os error 28)", NumPy reports how many
items were written, and torch reports that its archive is too short.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from study.errors import StudyStopped, no_permission

__all__ = ["cannot_write", "stopped_by_a_full_disk"]

CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}

_NUMBERS = "|".join(str(number) for number in CANNOT_WRITE)
_NAMES = "|".join(re.escape(os.strerror(number)) for number in CANNOT_WRITE)
IN_TEXT = re.compile(
    rf"\(os error ({_NUMBERS})\)"
    r"|^\d+ requested and \d+ written$"
    rf"|inline_container\.cc:\d+\] \. (unexpected pos \d+ vs \d+|open file failed with strerror: ({_NAMES}))"
)
"""How libraries report the same in their texts: Rust libraries, NumPy, and torch."""


def cannot_write(error: BaseException | None) -> bool:
    """Whether `error`, or an error that a traceback would show with it, means a full or read-only disk."""
    return next(_reasons(error), None) is not None


@contextmanager
def stopped_by_a_full_disk() -> Iterator[None]:
    """Turn an error that means a full or read-only disk, or a missing permission, into `StudyStopped`.

    Raises:
        StudyStopped: in place of such an error.
    """
    try:
        yield
    except StudyStopped:
        raise
    except Exception as error:
        if (why := next(_reasons(error), None) or no_permission(error)) is not None:
            raise StudyStopped(why) from error
        raise


def _reasons(error: BaseException | None) -> Iterator[str]:
    """The texts of `error`, and of the errors that caused it, that mean a full or read-only disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in CANNOT_WRITE:
            yield str(error)
        elif IN_TEXT.search(str(error)):
            yield f"cannot write: {str(error).partition(chr(10))[0]}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
