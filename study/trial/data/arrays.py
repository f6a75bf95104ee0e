"""Arrays on a disk that may fill up while NumPy writes them."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np

__all__ = ["check_arrays"]


def check_arrays(folder: Path) -> None:
    """Read back the arrays that NumPy wrote into `folder`.

    NumPy hands an array to C's buffered files and ignores the error that closing the file returns. If the
    disk fills up in an array's last bytes, NumPy raises nothing, and a manifest of hashes would then vouch
    for an array that was cut short.

    Raises:
        OSError: with the code ENOSPC, if an array is not whole.
    """
    for path in folder.glob("*.npy"):
        try:
            np.load(path, allow_pickle=False)
        except (EOFError, ValueError):
            raise OSError(errno.ENOSPC, "the disk did not take all of it", str(path)) from None
