"""Seed blocks: the seeds and the scrambles of a study come from a block of its own.

Two studies of one question under two names have two blocks, so the second study is another draw: other search
points, other confirm seeds, other samples of the data. Block N has the seeds from 1000 N: the search runs at
the first seed, and the confirm runs at the next seeds. Block 0 is the block of all studies that began before
there were blocks.
"""

from __future__ import annotations

from study.errors import RequestError

__all__ = ["MOST_BLOCK", "MOST_CONFIRM_SEEDS", "SEEDS", "block_of", "check_seeds", "sampler_seed"]

SEEDS = 1000
"""How many seeds a block has."""
MOST_CONFIRM_SEEDS = SEEDS - 1
BLOCKS = 100_000
"""Names of studies are spread over the blocks from 1 to BLOCKS - 1."""
MOST_BLOCK = 1_000_000
"""The highest block that a user may choose."""


def block_of(name: str) -> int:
    """The seed block of a study called `name`, the same on every machine."""
    from study.streams import stream  # NumPy, which a command's options do not need

    return 1 + stream(0, "seed block", name) % (BLOCKS - 1)


def sampler_seed(seed: int, block: int) -> int:
    """The seed of the sampler in `block`, of a space with this `seed`."""
    from study.streams import stream

    return stream(seed, "seed block", block) if block else seed


def check_seeds(confirm_seeds: int) -> None:
    """Check that a block has enough seeds.

    Raises:
        RequestError: if `confirm_seeds` is more than a block has.
    """
    if confirm_seeds > MOST_CONFIRM_SEEDS:
        raise RequestError(f"confirm_seeds: must be at most {MOST_CONFIRM_SEEDS}, not {confirm_seeds}")
