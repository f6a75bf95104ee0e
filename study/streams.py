"""Random streams derived from a seed and a name, never from call order or a global generator.

So a new stream changes no other stream. And the stream of step 500 does not depend on the 499 steps before
it, so a trial can be resumed with the same numbers, to the last bit.
"""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["generator", "stream"]


def stream(seed: int, *names: str | int) -> int:
    """A 63-bit seed of the stream `names` under `seed`, from the first bytes of their sha256."""
    text = "\x1f".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A NumPy generator (PCG64) of the stream `names` under `seed`."""
    return np.random.default_rng(stream(seed, *names))
