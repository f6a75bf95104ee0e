"""The latency of a student: measured once for each shape, and without an effect on any other number."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import study.trial.latency as latency
from study.storage.artifacts import Store
from study.trial.latency import latency_here, measure
from study.trial.training import Numerics


@pytest.fixture
def store(workshop: Any, tmp_path: Path) -> Store:
    """The workshop's store, with a teacher and without measured latencies."""
    workshop.inputs(workshop.config())
    shutil.copytree(workshop.store.root, tmp_path / "store", ignore=shutil.ignore_patterns("latencies"))
    return Store(tmp_path / "store")


def inputs_of(workshop: Any, store: Store, **values: Any) -> Any:
    return replace(workshop.inputs(workshop.config(**values)), store=store)


def test_it_is_measured_once_for_each_shape(
    workshop: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []

    def counted(inputs: Any, numerics: Numerics) -> float:
        measured.append(inputs.config.depth)
        return measure(inputs, numerics)

    monkeypatch.setattr(latency, "measure", counted)
    here = Numerics.here()
    first = latency_here(inputs_of(workshop, store, depth=1), here)
    assert latency_here(inputs_of(workshop, store, depth=1, init="random", alpha=1.0), here) == first
    deeper = latency_here(inputs_of(workshop, store, depth=2), here)
    assert measured == [1, 2]
    assert 0 < first["ms"] < 10_000
    assert deeper["device"] == first["device"]
    assert first["device"].endswith("1 thread") or torch.cuda.is_available()


def test_another_number_of_threads_is_another_device(workshop: Any, store: Store) -> None:
    inputs = inputs_of(workshop, store, depth=1)
    try:
        one, two = (latency_here(inputs, Numerics.here(threads)) for threads in (1, 2))
    finally:
        torch.set_num_threads(1)
    assert one["device"] != two["device"]
    assert len(list((store.root / "latencies").iterdir())) == 2


def test_the_time_is_that_of_a_pass_for_one_text(
    workshop: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[torch.Size] = []

    def timed(student: Any, batch: dict[str, torch.Tensor], numerics: Numerics) -> float:
        sizes.append(batch["input_ids"].shape)
        assert not student.training
        return 1e-3 * batch["input_ids"].shape[1]

    monkeypatch.setattr(latency, "_pass", timed)
    inputs = inputs_of(workshop, store)
    found = measure(inputs, Numerics.here())
    lengths = inputs.split("validation").lengths
    shown = sorted({size[1] for size in sizes})
    assert {size[0] for size in sizes} == {1}
    assert (shown[0], shown[-1]) == (lengths.min(), lengths.max())
    assert lengths.min() <= found <= lengths.max()


def test_a_trial_has_its_latency_if_it_is_asked_for_and_the_same_numbers_otherwise(
    workshop: Any, tmp_path: Path
) -> None:
    config, asked = workshop.config(), tmp_path / "with"
    measured = [*workshop.trial(config, asked, latency=True)][-1].result
    plain = [*workshop.trial(config, tmp_path / "without")][-1].result
    assert measured["latency"]["ms"] > 0
    assert "latency" not in plain
    for number in ("validation", "test", "parameters", "steps", "key"):
        assert measured[number] == plain[number]
    assert [*workshop.trial(config, asked, latency=True)][-1].result == measured


def test_a_diverged_trial_has_no_latency(workshop: Any, tmp_path: Path) -> None:
    config = workshop.config(learning_rate=1e30, gradient_clip=1e30)
    result = [*workshop.trial(config, tmp_path, latency=True)][-1].result
    assert result["outcome"] == "diverged"
    assert "latency" not in result
