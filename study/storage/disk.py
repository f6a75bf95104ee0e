"""A disk that is full or read-only: the study stops, and goes on once there is room.

The system says so by a number. A library that writes by itself passes it on in its text, or not at all:
Rust's (safetensors, tokenizers) end in "(os error 28)", NumPy counts what the disk took, torch finds its
archive too short.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from study.errors import StudyStopped

__all__ = ["cannot_write", "stopped_by_a_full_disk"]

CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}

_NUMBERS = "|".join(str(number) for number in CANNOT_WRITE)
_NAMES = "|".join(re.escape(os.strerror(number)) for number in CANNOT_WRITE)
SAID = re.compile(
    rf"\(os error ({_NUMBERS})\)"
    r"|^\d+ requested and \d+ written$"
    rf"|inline_container\.cc:\d+\] \. (unexpected pos \d+ vs \d+|open file failed with strerror: ({_NAMES}))"
)
"""How a library's text tells it: Rust's, NumPy's, torch's."""


def cannot_write(error: BaseException | None) -> bool:
    """Whether the disk is full or read-only, by `error` or by one that a traceback would show with it."""
    return next(_tell(error), None) is not None


@contextmanager
def stopped_by_a_full_disk() -> Iterator[None]:
    """Raises:
    StudyStopped: in place of an error that says that nothing can be written.
    """
    try:
        yield
    except StudyStopped:
        raise
    except Exception as error:
        if (why := next(_tell(error), None)) is not None:
            raise StudyStopped(why) from error
        raise


def _tell(error: BaseException | None) -> Iterator[str]:
    """What says so of `error` and of those that it was raised from or while another was handled."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in CANNOT_WRITE:
            yield str(error)
        elif SAID.search(str(error)):
            yield f"cannot write: {str(error).partition(chr(10))[0]}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
