"""The response of an arm: close to its scores, unsure between and beyond them, and the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.search.response import FAR, Response

TRIED = np.array([0.5, 1.5, 2.5, 3.5, 4.5, 5.5])[:, None]
SCORES = 0.5 - 0.02 * (TRIED[:, 0] - 3) ** 2


def test_a_curve_follows_precise_scores_and_is_unsure_between_them() -> None:
    response = Response(TRIED, SCORES, 0.001)
    mean, sd = response.moments(np.array([[2.5], [3.0], [9.0]]))
    assert mean[0] == pytest.approx(SCORES[2], abs=0.002)
    assert mean[1] == pytest.approx(0.5, abs=0.005)
    assert sd[0] < 0.002 < sd[1] < sd[2]


def test_draws_have_the_mean_and_the_spread_of_the_moments() -> None:
    response = Response(TRIED, SCORES, 0.01)
    at = np.array([[2.0], [3.0], [6.5]])
    mean, sd = response.moments(at)
    draws = response.draws(at, 8000)
    assert draws.mean(axis=0) == pytest.approx(mean, abs=0.004)
    assert draws.std(axis=0) == pytest.approx(sd, rel=0.1)
    assert (draws == response.draws(at, 8000)).all()


def test_how_far_below_the_best_a_bad_trial_lies_does_not_matter() -> None:
    """A cliff to chance does not make the top of the curve rough."""
    bad, worse = SCORES.copy(), SCORES.copy()
    bad[0], worse[0] = SCORES.max() - FAR, 0.05
    at = np.array([[3.0], [1.0]])
    for one, other in zip(
        Response(TRIED, bad, 0.01).moments(at), Response(TRIED, worse, 0.01).moments(at), strict=True
    ):
        assert one == pytest.approx(other)


def test_one_trial_is_enough_for_a_response() -> None:
    _, sd = Response(TRIED[:1], SCORES[:1], 0.01).moments(np.array([[0.5], [5.0]]))
    assert sd[0] < sd[1]
