"""The benchmarks' own parts: what they compare has to be comparable."""

from __future__ import annotations

import numpy as np
import pytest

from study.trial.models.embedded import build_tokenizer
from tests.benchmarks.orchestration import simulated
from tests.benchmarks.shapes import SHAPES, SPECIAL, _sample, _spread, read_task
from tests.benchmarks.tost import tost

TEXTS = ("call me a taxi please", "habari ya asubuhi rafiki", "ẹ káàárọ̀ o") * 3


def test_spread_tokens_are_the_same_tokens_far_apart() -> None:
    learnt = build_tokenizer(TEXTS)
    spread = _spread(learnt, 10_000)
    assert len(spread) == 10_000
    for text in TEXTS[:3]:
        ids = spread(text)["input_ids"]
        assert spread.convert_ids_to_tokens(ids) == learnt.convert_ids_to_tokens(learnt(text)["input_ids"])
    used = sorted(spread.get_vocab()[token] for token in learnt.get_vocab())
    assert used[:SPECIAL] == list(range(SPECIAL))
    assert min(np.diff(used[SPECIAL:])) > 1
    assert (spread.pad_token_id, spread.cls_token_id) == (learnt.pad_token_id, learnt.cls_token_id)


def test_a_sample_has_all_labels_and_languages_alike() -> None:
    whole = read_task(None)
    cells = len(whole.labels) * len(whole.languages)
    sample = _sample(whole, {"train": 2 * cells, "validation": cells, "test": 10**6})
    train = sample.splits["train"]
    counts = np.bincount(train.languages * len(whole.labels) + train.labels, minlength=cells)
    assert set(counts) == {2}
    assert len(sample.splits["test"]) == len(whole.splits["test"])


def test_sizes_divide() -> None:
    for shape in SHAPES.values():
        assert shape.steps % shape.reports == 0  # so both sides report at the same steps
        assert shape.rows["train"] % 32 == 0  # and no batch is smaller


@pytest.mark.parametrize(("shift", "equivalent"), [(0.0, True), (0.005, True), (0.02, False), (-0.05, False)])
def test_equivalence_is_claimed_within_the_margin_alone(shift: float, equivalent: bool) -> None:
    one = [0.800, 0.804, 0.796, 0.802, 0.798]
    found = tost([x + shift for x in one], one, margin=0.02)
    assert found["difference"] == pytest.approx(shift)
    assert found["equivalent"] == equivalent
    low, high = found["interval_90"]
    assert equivalent == (low > -0.02 and high < 0.02)


def test_noise_is_not_equivalence() -> None:
    assert not tost([0.7, 0.9, 0.8], [0.8, 0.7, 0.9], margin=0.02)["equivalent"]


def test_the_driver_plays_its_simulated_trials() -> None:
    found = simulated(24)
    assert found["trials"] == 24
    assert found["driver_mib"] >= found["driver_mib_before"] > 0
    assert found["ms_at_end"] > 0
