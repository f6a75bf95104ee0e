"""Effects in seen and in unseen languages, against the sums of their definition in float64."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.record.domain import Value
from analysis.statistics.effects.estimates import copying_and_distilling, effects
from analysis.statistics.effects.transfer import DIFFERENCE, GROUPS, TRANSFER_COLUMNS, transfer
from analysis.statistics.effects.tuning import Shortfall
from analysis.statistics.intervals import paired_t

LANGUAGES = ("arb", "deu", "swa", "tam")
FACTORS: dict[str, tuple[Value, ...]] = {
    "init": ("random", "teacher"),
    "train_languages": ("half:1", "half:2", "all"),
}
SEEN = {"half:1": ("arb", "deu"), "half:2": ("deu", "tam"), "all": LANGUAGES}
SEEDS = (1, 2, 3, 4)


def arm_of(init: str, wanted: str) -> str:
    return f"init={init} train_languages={wanted}"


def study(seed: int = 0, levels: tuple[str, ...] = ("half:1", "half:2", "all")) -> tuple[pd.DataFrame, Any]:
    """The confirmed table of an invented study, and the languages that each arm has not seen."""
    random, rows = np.random.default_rng(seed), []
    for init, wanted, number, language in itertools.product(("random", "teacher"), levels, SEEDS, LANGUAGES):
        value = 0.4 + 0.3 * (init == "teacher") * (1 if language in SEEN[wanted] else 0.5)
        arm = arm_of(init, wanted)
        rows.append((arm, init, wanted, number, language, value + random.normal(0, 0.03)))
    table = pd.DataFrame(rows, columns=["arm", "init", "train_languages", "seed", "language", "value"])
    unseen = {
        arm_of(init, wanted): frozenset(LANGUAGES) - set(SEEN[wanted])
        for init in ("random", "teacher")
        for wanted in levels
        if wanted != "all"
    }
    return table, unseen


def by_hand(table: pd.DataFrame, levels: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The differences of each seed in each group, from the equation."""
    values = table.set_index(["arm", "seed", "language"])["value"]

    def mean(init: str, wanted: str, seed: int, languages: Any) -> float:
        return float(np.mean([values[arm_of(init, wanted), seed, one] for one in languages]))

    found: dict[str, list[float]] = {"seen": [], "unseen": []}
    for seed in SEEDS:
        for group, of in found.items():
            each = []
            for wanted in levels:
                there = [one for one in LANGUAGES if (one in SEEN[wanted]) == (group == "seen")]
                each.append(mean("teacher", wanted, seed, there) - mean("random", wanted, seed, there))
            of.append(float(np.mean(each)))
    arrays = {group: np.array(of) for group, of in found.items()}
    return arrays | {DIFFERENCE: arrays["unseen"] - arrays["seen"]}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_an_effect_is_the_mean_over_the_cells_of_the_means_over_their_languages(seed: int) -> None:
    table, unseen = study(seed)
    found = transfer(table, FACTORS, unseen).set_index("group")
    assert list(found.index) == list(GROUPS)
    assert set(found["effect"]) == {"init: teacher - random"}
    for group, differences in by_hand(table, ("half:1", "half:2")).items():
        row, interval = found.loc[group], paired_t(differences)
        assert row["by_seed"] == pytest.approx(differences)
        assert (row["estimate"], row["low"], row["high"], row["p"]) == pytest.approx(
            (interval.estimate, interval.low, interval.high, interval.p)
        )


def test_arms_that_saw_other_languages_are_never_compared_and_those_that_saw_all_do_not_count() -> None:
    table, unseen = study()
    found = transfer(table, FACTORS, unseen)
    assert set(found["factor"]) == {"init"}  # no effect of train_languages itself
    assert (found["cells"] == 2).all()
    assert dict(zip(found["group"], found["languages"], strict=True)) == {
        "seen": 2,
        "unseen": 2,
        DIFFERENCE: 4,
    }
    one, without = study(levels=("half:1",))
    assert len(transfer(one, {"init": ("random", "teacher")}, without)) == len(GROUPS)


def test_without_unseen_languages_there_is_no_row() -> None:
    table, _ = study(levels=("all",))
    found = transfer(table, {"init": ("random", "teacher")}, {})
    assert found.empty
    assert list(found.columns) == TRANSFER_COLUMNS


def test_a_planted_loss_of_transfer_is_found_and_claims_are_corrected_together() -> None:
    table, unseen = study()
    found = transfer(table, FACTORS, unseen).set_index("group")
    assert found.loc["seen", "estimate"] == pytest.approx(0.3, abs=0.05)
    assert found.loc["unseen", "estimate"] == pytest.approx(0.15, abs=0.05)
    assert found.loc[DIFFERENCE, "high"] < 0
    assert (found["p_holm"] >= found["p"]).all()


def test_tuning_widens_all_three_and_changes_no_estimate() -> None:
    table, unseen = study()
    lost = {arm: Shortfall(0.01, 0.01) for arm in table["arm"].unique()}
    plain, wide = (transfer(table, FACTORS, unseen, tuning=tuning) for tuning in ({}, lost))
    assert (wide["estimate"] == plain["estimate"]).all()
    assert (wide["high"] - wide["low"] > plain["high"] - plain["low"]).all()
    assert (wide["could_be_tuning"] > 0).all()


def test_missing_runs_drop_cells_as_in_all_effects() -> None:
    table, unseen = study()
    lost = table[(table["arm"] != arm_of("random", "half:2")) | (table["seed"] == 1)]
    found = transfer(lost, FACTORS, unseen)
    assert (found["cells"] == 1).all()
    assert (found["cells_dropped"] == 1).all()
    assert (found["seeds"] == len(SEEDS)).all()


def test_with_all_texts_on_record_the_interval_is_over_texts_too() -> None:
    """If all arms see the same languages, the seen effect is that of a study of the seen languages alone."""
    random = np.random.default_rng(3)
    rows, correct, unseen = [], {}, {}
    for init in ("random", "teacher"):
        unseen[f"init={init}"] = frozenset(("swa", "tam"))
        for seed in SEEDS:
            rate = 0.4 + 0.2 * (init == "teacher")
            bits = {language: random.random(60) < rate for language in LANGUAGES}
            correct[f"init={init}", seed] = bits
            rows += [(f"init={init}", init, seed, one, bits[one].mean()) for one in LANGUAGES]
    table = pd.DataFrame(rows, columns=["arm", "init", "seed", "language", "value"])
    factors: dict[str, tuple[Value, ...]] = {"init": ("random", "teacher")}
    found = transfer(table, factors, unseen, correct=correct).set_index("group")
    for group, languages in (("seen", ("arb", "deu")), ("unseen", ("swa", "tam"))):
        alone = table[table["language"].isin(languages)]
        kept = {run: {one: bits[one] for one in languages} for run, bits in correct.items()}
        effect = effects(alone, factors, correct=kept).iloc[0]
        row = found.loc[group]
        for column in ("estimate", "low", "high", "p", "equivalent_within"):
            assert row[column] == pytest.approx(effect[column]), column
        assert row["texts"] == effect["texts"] == 120
    assert found.loc[DIFFERENCE, "texts"] == 240


def test_copying_and_distilling_have_rows_of_their_own() -> None:
    table, unseen = study(levels=("half:1",))
    parts = []
    for alpha in (0.5, 1.0):
        part = table.assign(alpha=alpha, arm=table["arm"] + f" alpha={alpha}")
        parts.append(part.assign(value=part["value"] + 0.02 * (alpha == 0.5)))
    both = pd.concat(parts, ignore_index=True)
    lacking = {f"{arm} alpha={alpha}": of for arm, of in unseen.items() for alpha in (0.5, 1.0)}
    factors: dict[str, tuple[Value, ...]] = {"init": ("random", "teacher"), "alpha": (0.5, 1.0)}
    found = transfer(both, factors, lacking).set_index(["factor", "group"])
    claim = copying_and_distilling(both, factors)
    assert claim is not None
    for name in ("copying", "distilling"):
        whole = claim[(claim["factor"] == name) & (claim["outcome"] == "macro")].iloc[0]["estimate"]
        halves = found.loc[(name, "seen"), "estimate"], found.loc[(name, "unseen"), "estimate"]
        assert np.mean(halves) == pytest.approx(whole)  # two languages in each group
    assert found.loc[("distilling", DIFFERENCE), "estimate"] == pytest.approx(0, abs=1e-9)
