"""Seed blocks: the seeds and the scrambles of a study come from a block of its own.

Two studies of one question under two names have two blocks, so the second study is another draw: other search
points, other confirm seeds, other samples of the data. Block N has the seeds from 1000 N: the search runs at
the first seed, and the confirm runs at the next seeds. If a study varies hyperparameters, each trial of an
arm has the next seed, and there are no confirm runs. Block 0 is the block of all studies that began before
there were blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.errors import RequestError

if TYPE_CHECKING:
    from study.space import SearchSpace

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


def check_seeds(space: SearchSpace) -> None:
    """Check that a block has enough seeds for `space`.

    Raises:
        RequestError: if there are more confirm seeds than a block has, or more trials that vary
            hyperparameters, because each of these trials has a seed of its own.
    """
    if space.confirm_seeds > MOST_CONFIRM_SEEDS:
        raise RequestError(f"confirm_seeds: must be at most {MOST_CONFIRM_SEEDS}, not {space.confirm_seeds}")
    if space.varied and space.trials > SEEDS:
        raise RequestError(
            f"trials: must be at most {SEEDS} if hyperparameters are varied, not {space.trials}, because "
            "each trial has a seed of its own"
        )
