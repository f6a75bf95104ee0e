"""Random streams derived from a seed and a name, never from call order or a global generator.

Adding a stream shifts no other one, and the stream of step 500 needs no memory of the 499 before it,
which is what makes a trial resume to the bit.
"""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["generator", "stream"]


def stream(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the stream called `names` under `seed`: the first bytes of their sha256."""
    text = "\x1f".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """NumPy generator (PCG64) of the stream called `names` under `seed`."""
    return np.random.default_rng(stream(seed, *names))
