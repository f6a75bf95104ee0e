"""The interpolated optimum: between the tried points, of any order, and the best tried point if in doubt."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.optimum import Optimum, interpolate

LOG, LINEAR = {"learning_rate": True}, {"alpha": False}


def curve(peak: float) -> Callable[[float], float]:
    """A parabola in the logarithm of the learning rate, with its vertex at `peak`."""
    return lambda rate: 0.8 - 0.1 * math.log(rate / peak) ** 2


def on_curve(rates: list[float], of: Callable[[float], float]) -> Optimum:
    return interpolate([{"learning_rate": rate} for rate in rates], [of(rate) for rate in rates], LOG)


def test_the_vertex_of_a_logarithmic_parabola_is_found_between_uneven_points() -> None:
    optimum = on_curve([1e-5, 8e-5, 1e-3, 4e-3, 1e-2], curve(3.21e-4))
    assert optimum.point == {"learning_rate": 3.21e-4}
    assert optimum.rule == "parabola"
    assert optimum.about.startswith("through 8e-05: ")


def test_a_linear_range_is_fitted_on_its_own_scale() -> None:
    tried = [0.1, 0.3, 0.5, 0.9]
    values = [1 - (alpha - 0.377) ** 2 for alpha in tried]
    assert interpolate([{"alpha": alpha} for alpha in tried], values, LINEAR).point == {"alpha": 0.377}


@pytest.mark.parametrize(
    ("rates", "values", "why"),
    [
        ([1e-4, 1e-3], [0.2, 0.4], "2 tried points are too few to interpolate"),
        ([1e-4, 1e-3, 1e-2], [0.2, 0.2, 0.2], "all tried points have the same score"),
        ([1e-4, 1e-3, 1e-2], [0.5, 0.4, 0.2], "the best tried learning_rate is the lowest tried"),
        ([1e-4, 1e-3, 1e-2], [0.1, 0.4, 0.5], "the best tried learning_rate is the highest tried"),
        ([1e-3, 1e-3, 1e-3], [0.1, 0.4, 0.2], "learning_rate has one tried value"),
        (
            [1e-2, 1e-3, 1e-4, 1e-5],
            [0.4, 0.4, 0.4, 0.1],
            "the best tried learning_rate is the highest tried",
        ),
        (
            [1e-3, 1e-2, 1e-4, 1e-5],
            [0.4, 0.4, 0.4, 0.1],
            "the neighbours of the best tried point have the same score",
        ),
    ],
)
def test_in_doubt_the_best_tried_point_is_taken_and_the_reason_is_given(
    rates: list[float], values: list[float], why: str
) -> None:
    best = max(range(len(rates)), key=lambda i: values[i])
    points = [{"learning_rate": rate} for rate in rates]
    assert interpolate(points, values, LOG) == Optimum(points[best], "best tried", why)


def test_no_range_leaves_nothing_to_interpolate() -> None:
    assert interpolate([{}, {}], [0.1, 0.2], {}) == Optimum({}, "best tried", "no range is tuned")


@pytest.mark.parametrize("values", [[], [0.1, math.nan, 0.2]])
def test_no_point_or_a_score_that_is_no_number_is_an_error(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        interpolate([{"learning_rate": 1e-3}] * len(values), values, LOG)


rates = st.floats(1e-5, 1e-2)
searches = st.lists(st.tuples(rates, st.floats(0, 1)), min_size=1, max_size=9, unique_by=lambda s: s[0])


@given(searches)
def test_the_optimum_lies_within_half_a_step_of_the_best_tried_point(
    search: list[tuple[float, float]],
) -> None:
    points, values = [{"learning_rate": rate} for rate, _ in search], [value for _, value in search]
    tried = sorted(rate for rate, _ in search)
    at = max(range(len(search)), key=lambda i: (values[i], -i))
    index = tried.index(search[at][0])
    [found] = interpolate(points, values, LOG).point.values()
    low, high = tried[max(0, index - 1)], tried[min(len(tried) - 1, index + 1)]
    tolerance = (tried[-1] / tried[0]) ** 0.005  # of the rounding
    assert math.sqrt(low * tried[index]) / tolerance * 0.999999 <= found
    assert found <= math.sqrt(high * tried[index]) * tolerance * 1.000001
    assert tried[0] <= found <= tried[-1]


@given(searches.filter(lambda s: len({v for _, v in s}) == len(s)), st.randoms())
def test_the_order_of_the_trials_does_not_matter(search: list[tuple[float, float]], random: Random) -> None:
    shuffled = random.sample(search, len(search))
    of, again = (
        interpolate([{"learning_rate": rate} for rate, _ in each], [value for _, value in each], LOG)
        for each in (search, shuffled)
    )
    assert of == again


def spread(n: int, seed: int = 3) -> list[dict[str, float]]:
    random = Random(seed)
    return [{"learning_rate": 10 ** random.uniform(-5, -2), "alpha": random.uniform(0, 1)} for _ in range(n)]


TWO = {"learning_rate": True, "alpha": False}


def hill(point: dict[str, float]) -> float:
    return 0.7 - 0.08 * math.log10(point["learning_rate"] / 4e-4) ** 2 - 0.2 * (point["alpha"] - 0.4) ** 2


def test_a_gaussian_process_finds_the_top_of_a_hill_between_the_points() -> None:
    points = spread(24)
    optimum = interpolate(points, [hill(point) for point in points], TWO)
    assert optimum.rule == "gaussian process"
    assert optimum.about.startswith("through 24 points; length scales alpha ")
    best = max(points, key=hill)
    assert optimum.point not in points
    assert hill(optimum.point) > hill(best)
    assert 0.7 - hill(optimum.point) < 0.2 * (0.7 - hill(best))


def test_a_gaussian_process_does_not_depend_on_the_order_and_stays_in_the_tried_box() -> None:
    for seed in range(4):
        points = spread(8, seed)
        values = [hill(point) + 0.02 * Random(str(point)).gauss(0, 1) for point in points]
        order = Random(seed).sample(range(8), 8)
        optimum = interpolate(points, values, TWO)
        assert interpolate([points[i] for i in order], [values[i] for i in order], TWO) == optimum
        for name, value in optimum.point.items():
            assert min(p[name] for p in points) <= value <= max(p[name] for p in points)


def test_two_ranges_need_five_points() -> None:
    points = spread(4)
    optimum = interpolate(points, [hill(point) for point in points], TWO)
    assert (optimum.point, optimum.rule) == (max(points, key=hill), "best tried")


def test_values_are_rounded_so_that_the_last_bit_of_a_score_does_not_matter() -> None:
    tried, values = [1e-5, 8e-5, 1e-3, 1e-2], [0.31, 0.47, 0.44, 0.2]
    points = [{"learning_rate": rate} for rate in tried]
    moved = [math.nextafter(value, 1) for value in values]
    assert interpolate(points, values, LOG).point == interpolate(points, moved, LOG).point
    [value] = interpolate(points, values, LOG).point.values()
    assert value == float(f"{value:.3g}")


def test_a_narrow_span_keeps_the_digits_that_it_needs() -> None:
    tried = [0.50001, 0.50002, 0.50004]
    optimum = interpolate([{"alpha": alpha} for alpha in tried], [0.1, 0.3, 0.2], LINEAR)
    assert 0.50002 < optimum.point["alpha"] < 0.50003


@settings(max_examples=20)
@given(st.floats(-5, -2), st.integers(0, 1000))
def test_a_smooth_optimum_is_found_closer_than_by_the_best_tried_point(peak: float, seed: int) -> None:
    random = Random(seed)
    tried = sorted({10 ** random.uniform(-5, -2) for _ in range(8)})
    of = curve(10**peak)
    optimum = on_curve(tried, of)
    assert of(optimum.point["learning_rate"]) >= max(map(of, tried)) - 1e-4


@pytest.mark.processes
def test_scikit_learn_is_loaded_for_a_gaussian_process_alone() -> None:
    script = """
import sys
from study.optimum import interpolate
interpolate([{"a": 1.0}, {"a": 2.0}, {"a": 4.0}], [0.1, 0.3, 0.2], {"a": True})
assert not {"sklearn", "numpy", "scipy"} & set(sys.modules), "loaded"
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
