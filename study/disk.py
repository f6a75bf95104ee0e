"""A disk that is full or read-only: the study stops, and goes on once there is room."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from study.config import StudyStopped

__all__ = ["cannot_write", "stopped_by_a_full_disk"]

CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


def cannot_write(error: BaseException | None) -> bool:
    """Whether the disk is full or read-only."""
    return isinstance(error, OSError) and error.errno in CANNOT_WRITE


@contextmanager
def stopped_by_a_full_disk() -> Iterator[None]:
    """Raises:
    StudyStopped: in place of the system's error where nothing can be written.
    """
    try:
        yield
    except OSError as error:
        if cannot_write(error):
            raise StudyStopped(str(error)) from error
        raise
