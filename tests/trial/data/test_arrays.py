"""Arrays that a full disk cut short are noticed, and whole arrays pass."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from study.trial.data.arrays import check_arrays


def test_whole_arrays_pass(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.arange(100))
    np.save(tmp_path / "none.npy", np.zeros(0))
    (tmp_path / "other.json").write_text("{")
    check_arrays(tmp_path)


@pytest.mark.parametrize("bytes_left", [0, 10, 200, -1])
def test_an_array_that_was_cut_short_is_an_error_of_the_disk(tmp_path: Path, bytes_left: int) -> None:
    np.save(tmp_path / "whole.npy", np.arange(100))
    np.save(tmp_path / "cut.npy", np.arange(100))
    content = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(content[:bytes_left])
    with pytest.raises(OSError, match=r"cut\.npy") as raised:
        check_arrays(tmp_path)
    assert raised.value.errno == errno.ENOSPC
