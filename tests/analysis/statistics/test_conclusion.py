"""What replays conclude is what the report would say of each: claim C1, else claim C4, else the winner."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import conclusion as module
from analysis.statistics.conclusion import DISTILLING, DOWN, EQUAL, UP, conclusion
from analysis.statistics.effects.arms import arms_compared, next_best, winner
from analysis.statistics.effects.copying import copying_of
from analysis.statistics.effects.runs import runs_of
from analysis.statistics.effects.tuning import widened
from analysis.statistics.fractions import fraction_interaction
from analysis.statistics.intervals import MARGIN, holm, paired_t
from analysis.statistics.many_tests import holm_of_rows, paired_tests
from tests.analysis.scenarios import above
from tests.analysis.simulate import Scenario, simulate
from tests.analysis.tables import confirmed_table

INITS = {"init": ("random", "teacher")}
CLAIM = {"init": ("random", "base", "teacher"), "alpha": (0.2, 1.0)}
DATA = {
    "init": ("random", "teacher"),
    "data_fraction": (0.01, 0.1, 1.0),
    "teacher_data": ("full", "same"),
}
DEPTHS = {"init": ("random", "base", "teacher"), "depth": (2, 4)}


def studies(factors: Mapping[str, tuple[Any, ...]], spread: float) -> list[pd.DataFrame]:
    """Fifteen, with effects of several sizes and signs; of the last ones some runs are missing."""
    rng, made = np.random.default_rng(int(spread * 1e5)), []
    for study in range(15):
        quality = {"random": 0.3, "base": 0.5, "teacher": 0.5 + 0.02 * (study % 3)}
        weight = (-0.1, 0.0, 0.4)[study % 3]

        def score(levels: dict[str, Any], seed: int, of: Any = (study, quality, weight)) -> float | None:
            number, inits, weight = of
            lacks = number >= 8 and rng.random() < 0.1
            value = inits[levels["init"]] + weight * (1 - levels.get("alpha", 1)) + rng.normal(0, spread)
            if "data_fraction" in levels:
                less = -math.log10(levels["data_fraction"])
                saw = 0.5 if levels["teacher_data"] == "same" else 1.0
                value += weight * saw * less * (levels["init"] == "teacher")
            return None if lacks else float(value + 0.05 * levels.get("depth", 0))

        made.append(confirmed_table(factors, score))
    return made


def codes_of(results: pd.DataFrame, factors: Mapping[str, tuple[Any, ...]], margin: float = MARGIN) -> Any:
    """What the whole study concludes, a code for each claim."""
    macro = macro_of(results, factors).to_numpy()
    return conclusion(results, factors, margin=margin).of(macro[None])[0]


def macro_of(results: pd.DataFrame, factors: Mapping[str, tuple[Any, ...]]) -> pd.DataFrame:
    wide = results[results["language"] == "macro"].pivot(index="arm", columns="seed", values="value")
    return wide.reindex(list(runs_of(results, factors).arms))


def larger(results: pd.DataFrame, correct: Any = None) -> int:
    """Claim C1 as the answer has it."""
    found = copying_of(runs_of(results, CLAIM, correct=correct), CLAIM)
    if found is None or found.shown is None:
        return 0
    if found.shown == "equal":
        return EQUAL
    first = DISTILLING if found.shown == "distilling" else 0
    return first + (UP if found.intervals[found.shown].estimate > 0 else DOWN)


def told(row: Any, span: float = 1) -> int:
    """What the answer says of a number: 0 nothing, 1 above zero, 2 below, 3 none."""
    if row["p_holm"] < 0.05:
        return 1 if row["estimate"] > 0 else 2
    return 3 if row["low"] <= 0 <= row["high"] and row["equivalent_within"] * span <= MARGIN else 0


@pytest.mark.parametrize("spread", [0.0005, 0.01, 0.1])
def test_where_claim_c1_is_asked_the_larger_effect_and_its_sign_are_concluded(spread: float) -> None:
    seen = set()
    for results in studies(CLAIM, spread):
        (code,) = codes_of(results, CLAIM)
        assert code == larger(results)
        seen.add(code)
    assert "claim C1" in conclusion(results, CLAIM).about
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("copying", "distilling", "expected"),
    [
        (0.10, 0.02, UP),
        (0.10, -0.02, UP),
        (-0.10, 0.02, DOWN),
        (0.02, 0.10, DISTILLING + UP),
        (0.0, -0.11, DISTILLING + DOWN),
        (0.10, 0.10, EQUAL),
        (0.10, -0.10, EQUAL),
        (0.0, 0.0, EQUAL),
    ],
)
def test_an_effect_that_hurts_counts_by_its_size(copying: float, distilling: float, expected: int) -> None:
    """Copying worth nothing and distilling that costs 11 points do not show that copying matters more."""
    rng = np.random.default_rng(7)

    def score(levels: dict[str, Any], seed: int) -> float:
        value = copying * (levels["init"] == "teacher") + distilling * (levels["alpha"] < 1)
        return 0.5 + value + float(rng.normal(0, 1e-3))

    results = confirmed_table(CLAIM, score)
    assert list(codes_of(results, CLAIM)) == [expected] == [larger(results)]


def test_an_effect_that_is_not_shown_itself_is_not_the_larger_one() -> None:
    """Copying differs from distilling and from its opposite, and still its own interval contains 0."""
    spread = np.array([-0.1, 0.2, 0.05, 0.15, -0.02])  # of the effect of copying over seeds
    small = spread - np.array([0.05, 0.055, 0.045, 0.05, 0.052])

    def score(levels: dict[str, Any], seed: int) -> float:
        copied, distilled = levels["init"] == "teacher", levels["alpha"] < 1
        return float(0.5 + spread[seed - 1] * copied + small[seed - 1] * distilled)

    results = confirmed_table(CLAIM, score)
    assert list(codes_of(results, CLAIM)) == [0] == [larger(results)]


@pytest.mark.parametrize("spread", [0.0005, 0.01, 0.1])
def test_else_the_sign_of_claim_c4_for_each_teacher_data(spread: float) -> None:
    seen = set()
    for results in studies(DATA, spread):
        signs = [told(row, row["decades"]) for row in fraction_interaction(results, DATA).to_dict("records")]
        if not signs:  # no seed has all runs of it
            assert "which arm" in conclusion(results, DATA).about
            continue
        assert "claim C4)" in conclusion(results, DATA).about
        assert list(codes_of(results, DATA)) == signs
        seen.add(tuple(signs))
    assert len({len(signs) for signs in seen}) == 2 or len(seen) > 2


@pytest.mark.parametrize("spread", [0.0005, 0.01, 0.1])
def test_else_the_arm_that_wins(spread: float) -> None:
    seen = set()
    for results in studies(DEPTHS, spread):
        compared, name = arms_compared(results), winner(arms_compared(results))
        arms = runs_of(results, DEPTHS).arms
        equal = not name and told(next_best(compared)) == EQUAL if len(compared) else False
        (code,) = codes_of(results, DEPTHS)
        assert (code < 0) == equal
        assert max(code, 0) == (1 + arms.index(name) if name else 0)
        seen.add(name)
    assert "which arm" in conclusion(results, DEPTHS).about
    assert len(seen) > 1 or spread == 0.1  # seeds that differ by .1 show no winner


@pytest.mark.parametrize(
    ("factors", "equal"), [(CLAIM, [EQUAL]), (DATA, [EQUAL, EQUAL]), (INITS, [-1])], ids=["C1", "C4", "arms"]
)
def test_that_there_is_no_difference_is_a_conclusion(
    factors: Mapping[str, tuple[Any, ...]], equal: list[int]
) -> None:
    """Of runs that differ by the seed and by rounding, as it were; within the margin that was asked for."""
    rng = np.random.default_rng(4)
    alike = confirmed_table(factors, lambda levels, seed: 0.5 + seed / 10 + float(rng.normal(0, 1e-4)))
    noisy = confirmed_table(factors, lambda levels, seed: 0.5 + float(rng.normal(0, 0.1)))
    assert list(codes_of(alike, factors)) == equal
    assert not codes_of(noisy, factors).any()
    assert not codes_of(alike, factors, margin=1e-6).any()


def test_a_replay_that_lacks_an_arm_of_a_claim_shows_no_sign() -> None:
    results = studies(DATA, 0.0005)[2]
    arms = runs_of(results, DATA).arms
    values = macro_of(results, DATA).to_numpy(copy=True)
    assert list(conclusion(results, DATA).of(values[None])[0]) == [UP, UP]
    values[arms.index("init=teacher data_fraction=0.01 teacher_data=full")] = math.nan
    assert list(conclusion(results, DATA).of(values[None])[0]) == [0, UP]


def test_an_arm_that_the_slope_drops_takes_no_seed_away() -> None:
    """One fraction of the second depth has one seed, so the slope is over the first depth alone."""
    factors = INITS | {"data_fraction": (0.01, 0.1, 1.0), "depth": (2, 4)}

    def score(levels: dict[str, Any], seed: int) -> float | None:
        if levels["depth"] == 4 and levels["data_fraction"] == 0.1 and seed > 1:
            return None
        less = -math.log10(levels["data_fraction"])
        return 0.5 + (0.1 + 0.001 * seed) * less * (levels["init"] == "teacher")

    results = confirmed_table(factors, score, seeds=4)
    (row,) = fraction_interaction(results, factors).to_dict("records")
    assert (row["cells"], row["cells_dropped"], row["seeds"], told(row)) == (1, 1, 4, UP)
    assert list(codes_of(results, factors)) == [UP]


def test_an_arm_that_is_ahead_for_want_of_its_rivals_runs_does_not_win() -> None:
    """The copy's mean is 0.56 and random init's 0.5, of three seeds; at those three the copy is behind."""
    rival = {1: 0.5, 2: 0.501, 3: 0.502}
    copy = {1: 0.4, 2: 0.4, 3: 0.4, 4: 0.9, 5: 0.9}
    results = confirmed_table(
        INITS, lambda levels, seed: (copy if levels["init"] == "teacher" else rival).get(seed)
    )
    assert winner(arms_compared(results)) == "init=random"
    macro = np.array([[*rival.values(), math.nan, math.nan], [*copy.values()]])
    assert conclusion(results, INITS).of(macro[None]) == [[1]]


@pytest.mark.parametrize("tuning", [0.0, 0.05])
def test_tests_are_those_of_the_intervals(tuning: float) -> None:
    rng = np.random.default_rng(5)
    differences = rng.normal(0.3, 1, (8, 5, 4))
    differences[rng.random(differences.shape) < 0.5] = math.nan
    found = paired_tests(differences, np.array(tuning))
    mean, p, within = found.mean, found.p, found.within()
    assert 0 < np.isnan(p).sum() < p.size
    corrected = holm_of_rows(p)
    for row in range(8):
        tests = [widened(paired_t(d[np.isfinite(d)]), tuning) for d in differences[row]]
        assert mean[row] == pytest.approx([t.estimate for t in tests], nan_ok=True)
        assert p[row] == pytest.approx([t.p for t in tests], nan_ok=True)
        assert within[row] == pytest.approx([t.within for t in tests], nan_ok=True)
        assert corrected[row] == pytest.approx(holm(p[row]), nan_ok=True)


def test_replays_that_are_compared_in_parts_conclude_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    macro = rng.normal(0.5, 0.01, (50, 6, 4)) + np.array([0, 0, 0, 0, 0.1, 0.15])[:, None]
    depths = {"depth": tuple(range(6))}
    conclude = conclusion(confirmed_table(depths, lambda levels, seed: 0.5), depths).of
    at_once = conclude(macro)
    assert len(set(at_once.ravel())) == 2  # a winner in some, none in others
    monkeypatch.setattr(module, "TEMPORARY", 7 * 15 * 4 * 8)  # seven replays of fifteen pairs
    assert np.array_equal(conclude(macro), at_once)
    monkeypatch.setattr(module, "TEMPORARY", 1)
    assert np.array_equal(conclude(macro), at_once)


def test_many_arms_are_compared_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """All replays at once would take 12 MB for each of several arrays."""
    macro = np.random.default_rng(0).normal(0.5, 0.01, (60, 100, 5))
    monkeypatch.setattr(module, "TEMPORARY", 2**20)
    results = confirmed_table({"depth": tuple(range(100))}, lambda levels, seed: 0.5)
    conclude = conclusion(results, {"depth": tuple(range(100))}).of
    tracemalloc.start()
    conclude(macro)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.mark.parametrize("factors", [CLAIM, {"init": ("random", "base", "teacher")}], ids=["C1", "arms"])
def test_with_texts_the_whole_study_concludes_what_the_answer_says(factors: Any) -> None:
    """The intervals of the answer are over seeds and texts, and the conclusion is, too."""
    scenario = Scenario(factors, texts=(40,), difficulty=(0.2, 0.6), quality=above(0.08, init="teacher"))
    made = simulate(scenario, 25, np.random.default_rng(0))
    codes, only_seeds = [], []
    for study in range(25):
        results, correct = made.table(study), made.answers(study)
        macro = results[results["language"] == "macro"].pivot(index="arm", columns="seed", values="value")
        values = macro.reindex(list(dict.fromkeys(results["arm"]))).to_numpy()[None]
        code = int(conclusion(results, factors, correct=correct).of(values)[0, 0])
        if factors is CLAIM:
            assert code == larger(results, correct)
        else:
            won = winner(arms_compared(results, correct=correct))
            assert (runs_of(results, factors).arms[code - 1] if code > 0 else None) == won
        codes.append(code)
        only_seeds.append(int(conclusion(results, factors).of(values)[0, 0]))
    assert len(set(codes)) > 1
    assert codes != only_seeds
