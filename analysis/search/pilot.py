"""A finished study as a pilot: how noisy its runs are, and how much its tuning left open."""

from __future__ import annotations

import itertools
import math

import numpy as np

from analysis.record.design import confirmed
from analysis.record.study_record import StudyRecord
from analysis.search.optimum import searched, shortfalls_of
from analysis.statistics.conclusion import macro_by_seed
from analysis.statistics.effects.runs import runs_of
from analysis.statistics.effects.tuning import variance_of
from analysis.statistics.power import Pilot, run_noise

__all__ = ["pilot_of"]


def pilot_of(record: StudyRecord) -> Pilot | None:
    """What `record` tells of noise and tuning; None if no two arms have two confirm seeds in common."""
    noise, df = run_noise(macro_by_seed(runs_of(confirmed(record), {})))
    if not df:
        return None
    searches = list(searched(record))
    if not searches:
        return Pilot(noise, df, 0.0, 0)
    found, opposite = shortfalls_of(searches), np.array([1.0, -1.0])
    pairs = [math.sqrt(variance_of(opposite, two, found)) for two in itertools.combinations(record.arms, 2)]
    trials = [len(each.trials) for each in searches]
    return Pilot(noise, df, float(np.median(pairs)), int(np.median(trials)))
