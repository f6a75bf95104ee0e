"""Training: the schedule, what decays, what is clipped, and a resume that nothing can tell from none."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from study.trial.models.teacher import new_classifier
from study.trial.training import (
    Interval,
    Numerics,
    Recipe,
    Training,
    _seed_dropout,
    report_steps,
)

STEPS = 8


class Tiny(nn.Module):
    """An embedding, a norm, dropout and a linear layer: every kind of parameter."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embedding = nn.Embedding(7, 4)
        self.norm = nn.LayerNorm(4)
        self.dropout = nn.Dropout(0.5)
        self.linear = nn.Linear(4, 3)

    def forward(self, ids: Tensor) -> Tensor:
        logits: torch.Tensor = self.linear(self.dropout(self.norm(self.embedding(ids))))
        return logits


def steps_of(model: nn.Module) -> Callable[[int], tuple[Tensor, Tensor]]:
    def step_loss(step: int) -> tuple[Tensor, Tensor]:
        logits = model(torch.tensor([step % 7, (step + 1) % 7]))
        loss = nn.functional.cross_entropy(logits, torch.tensor([0, 2]))
        return loss, torch.tensor(math.log(3))

    return step_loss


def training_of(model: nn.Module, **recipe: Any) -> Training:
    values: dict[str, Any] = {"steps": STEPS, "learning_rate": 0.1, "seed": 3}
    return Training(model, steps_of(model), Recipe(**values | recipe), Numerics.here(1))


def same_state(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# The schedule


def test_the_rate_rises_in_a_line_to_its_peak_and_falls_in_a_line_towards_zero() -> None:
    recipe = Recipe(steps=10, learning_rate=1.0, seed=0, warmup=0.4)
    assert [recipe.rate(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert [recipe.rate(step) for step in range(4, 11)] == [i / 6 for i in (6, 5, 4, 3, 2, 1, 0)]


def test_without_warm_up_the_first_step_has_the_peak() -> None:
    recipe = Recipe(steps=4, learning_rate=2.0, seed=0, warmup=0.0)
    assert [recipe.rate(step) for step in range(4)] == [2.0, 1.5, 1.0, 0.5]


def test_with_nothing_but_warm_up_the_last_step_has_the_peak() -> None:
    recipe = Recipe(steps=4, learning_rate=2.0, seed=0, warmup=1.0)
    assert [recipe.rate(step) for step in range(4)] == [0.5, 1.0, 1.5, 2.0]


@given(st.integers(1, 500), st.floats(0, 1))
def test_every_step_moves_and_the_peak_is_never_passed(steps: int, warmup: float) -> None:
    recipe = Recipe(steps=steps, learning_rate=3.0, seed=0, warmup=warmup)
    rates = [recipe.rate(step) for step in range(steps)]
    assert all(0 < rate <= 3.0 for rate in rates)
    assert max(rates) == pytest.approx(3.0)


def test_each_step_is_taken_at_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    training = training_of(Tiny(), warmup=0.5)
    rates: list[float] = []
    step = training.optimizer.step

    def noted() -> None:
        rates.append(training.optimizer.param_groups[0]["lr"])
        step()

    monkeypatch.setattr(training.optimizer, "step", noted)
    training.advance(3)
    training.advance(STEPS)
    assert rates == [training.recipe.rate(step) for step in range(STEPS)]


@given(st.integers(1, 2000), st.integers(1, 50))
def test_reports_are_spread_over_the_steps_and_the_last_is_at_the_end(steps: int, reports: int) -> None:
    at = report_steps(steps, reports)
    assert len(at) == min(steps, reports)
    assert at[-1] == steps
    gaps = [after - before for before, after in zip([0, *at], at, strict=False)]
    assert min(gaps) >= 1
    assert max(gaps) - min(gaps) <= 1


# A step


def test_decay_shrinks_matrices_and_neither_embeddings_nor_norms_nor_biases(base_folder: Path) -> None:
    model = new_classifier(base_folder, ("a", "b"), 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1)
    before = copy.deepcopy(model.state_dict())
    training = Training(
        model,
        lambda step: (0.0 * torch.stack([p.sum() for p in model.parameters()]).sum(), torch.tensor(1.0)),
        Recipe(steps=1, learning_rate=0.1, seed=0, weight_decay=0.5),
        Numerics.here(1),
    )
    training.advance(1)
    for name, parameter in model.named_parameters():
        plain = "embeddings" in name or "LayerNorm" in name or name.endswith("bias")
        expected = before[name] if plain else before[name] * (1 - 0.1 * 0.5)
        assert torch.allclose(parameter, expected, rtol=1e-6, atol=0), name
        assert plain == torch.equal(parameter, before[name]), name


@pytest.mark.parametrize("clip", [0.01, 1e6])
def test_no_gradient_is_longer_than_the_clip(clip: float) -> None:
    model = Tiny()
    training = training_of(model, gradient_clip=clip)
    norms: list[float] = []

    def measure() -> None:
        norms.append(
            math.sqrt(sum(float(p.grad.pow(2).sum()) for p in model.parameters() if p.grad is not None))
        )

    training.optimizer.step = measure  # type: ignore[assignment]
    training.advance(4)
    if clip < 1:
        assert norms == pytest.approx([clip] * 4, rel=1e-3)
    else:
        assert min(norms) > 0.01


def test_gradients_do_not_add_up_over_steps() -> None:
    model = Tiny()
    training = training_of(model)
    training.advance(1)
    assert all(p.grad is None for p in model.parameters())


def test_an_interval_has_the_mean_loss_of_its_steps() -> None:
    model = Tiny()
    losses = iter([1.0, 2.0, 6.0, 8.0])

    def step_loss(step: int) -> tuple[Tensor, Tensor]:
        return next(losses) + 0.0 * model.linear.weight.sum(), torch.tensor(float(step))

    training = Training(model, step_loss, Recipe(4, 0.1, 0), Numerics.here(1))
    assert training.advance(3) == Interval(3.0, 1.0)
    assert training.advance(4) == Interval(8.0, 3.0)
    assert training.step == 4


@pytest.mark.parametrize(
    ("loss", "diverged"),
    [(0.0, False), (1.0, False), (19.9, False), (20.1, True), (math.nan, True), (math.inf, True)],
)
def test_a_loss_that_explodes_or_is_no_number_has_diverged(loss: float, diverged: bool) -> None:
    assert Interval(loss, 2.0).diverged == diverged


# What decides the numbers


def test_dropout_depends_on_the_seed_and_the_step_and_not_on_the_global_generator() -> None:
    models = []
    for before, seed in ((1, 3), (2, 3), (1, 4)):
        model = Tiny()
        torch.manual_seed(before)
        training_of(model, seed=seed).advance(STEPS)
        models.append(model)
    assert same_state(models[0], models[1])
    assert not same_state(models[0], models[2])


@pytest.mark.parametrize("stop", range(1, STEPS))
def test_a_resumed_training_is_the_undisturbed_one(stop: int, tmp_path: Path) -> None:
    whole, begun, resumed = Tiny(), Tiny(), Tiny(seed=99)
    undisturbed = training_of(whole)
    undisturbed.advance(stop)
    expected = undisturbed.advance(STEPS)

    first = training_of(begun)
    first.advance(stop)
    first.save(tmp_path, [{"report": 1}])
    second = training_of(resumed)
    history, numerics = second.restore(tmp_path)
    assert history == [{"report": 1}]
    assert second.numerics.differences(numerics) == {}
    assert second.step == stop
    assert second.seconds == first.seconds
    assert second.advance(STEPS) == expected
    assert same_state(whole, resumed)


def test_the_two_newest_checkpoints_are_kept_and_a_broken_one_falls_back(tmp_path: Path) -> None:
    training = training_of(Tiny())
    for step in (2, 4, 6):
        training.advance(step)
        training.save(tmp_path, [{"report": step}])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["checkpoint-00000004.pt", "checkpoint-00000006.pt"]
    newest = tmp_path / names[1]
    newest.write_bytes(newest.read_bytes()[:-200])
    other = training_of(Tiny(seed=5))
    history, _ = other.restore(tmp_path)
    assert (history, other.step) == ([{"report": 4}], 4)
    (tmp_path / names[0]).write_bytes(b"")
    fresh = training_of(Tiny(seed=5))
    assert fresh.restore(tmp_path) == ([], {})
    assert fresh.step == 0
    assert same_state(fresh.model, Tiny(seed=5))


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_one_flipped_bit_anywhere_in_a_checkpoint_falls_back(place: float, tmp_path: Path) -> None:
    """In the zip's directory, in a tensor's middle, or in the digest itself."""
    training = training_of(Tiny())
    for step in (2, 4):
        training.advance(step)
        training.save(tmp_path, [{"report": step}])
    newest = tmp_path / "checkpoint-00000004.pt"
    content = bytearray(newest.read_bytes())
    content[round(place * (len(content) - 1))] ^= 1
    newest.write_bytes(content)
    undisturbed, other = training_of(Tiny()), training_of(Tiny(seed=5))
    undisturbed.advance(2)
    assert other.restore(tmp_path) == ([{"report": 2}], vars(training.numerics))
    assert (other.step, same_state(other.model, undisturbed.model)) == (2, True)


def test_a_checkpoint_cut_short_anywhere_falls_back(tmp_path: Path) -> None:
    training = training_of(Tiny())
    for step in (2, 4):
        training.advance(step)
        training.save(tmp_path, [{"report": step}])
    newest = tmp_path / "checkpoint-00000004.pt"
    content = newest.read_bytes()
    for length in (0, 1, 31, 32, 33, len(content) // 2, len(content) - 32, len(content) - 1):
        newest.write_bytes(content[:length])
        assert training_of(Tiny(seed=5)).restore(tmp_path)[0] == [{"report": 2}]
    newest.write_bytes(content)
    assert training_of(Tiny(seed=5)).restore(tmp_path)[0] == [{"report": 4}]


def test_of_several_folders_the_newest_checkpoint_serves(tmp_path: Path) -> None:
    training = training_of(Tiny())
    for step, folder in ((2, "new"), (4, "old"), (6, "old")):
        training.advance(step)
        training.save(tmp_path / folder, [{"report": step}])
    folders = (tmp_path / "new", tmp_path / "old", tmp_path / "absent")
    assert training_of(Tiny(seed=5)).restore(*folders)[0] == [{"report": 6}]
    (tmp_path / "old" / "checkpoint-00000006.pt").unlink()
    training.save(tmp_path / "new", [{"report": "the first folder's"}])
    assert training_of(Tiny(seed=5)).restore(*folders)[0] == [{"report": "the first folder's"}]


def test_a_checkpoint_of_another_shape_is_not_loaded_and_changes_nothing(tmp_path: Path) -> None:
    training = training_of(Tiny())
    training.advance(2)
    training.save(tmp_path, [{"report": 1}])
    other = Tiny(seed=5)
    other.embedding = nn.Embedding(9, 4)
    before = copy.deepcopy(other)
    assert training_of(other).restore(tmp_path) == ([], {})
    assert same_state(other, before)


def test_a_checkpoint_executes_nothing(tmp_path: Path) -> None:
    """Even one whose digest is right."""

    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "executed",))

    stored = io.BytesIO()
    torch.save({"model": Attack()}, stored)
    for number, content in enumerate((stored.getvalue(), pickle.dumps(Attack(), protocol=2)), 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        signed = content + hashlib.sha256(content).digest()
        (folder / "checkpoint-00000002.pt").write_bytes(signed)
        (folder / "checkpoint-00000001.pt").write_bytes(content)
        with contextlib.suppress(pickle.UnpicklingError):
            training_of(Tiny()).restore(folder)
    assert not (tmp_path / "executed").exists()


def test_a_trial_computes_on_the_threads_that_it_was_given() -> None:
    try:
        assert Numerics.here(2).threads == torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_the_optimiser_is_the_fused_one_that_numerics_say() -> None:
    groups = training_of(Tiny()).optimizer.param_groups
    assert [group["fused"] for group in groups] == [True] * len(groups)
    assert Numerics.here(1).optimizer == "fused"


def test_numerics_name_what_differs() -> None:
    here = Numerics.here(1)
    assert torch.get_num_threads() == 1
    recorded = {**vars(here), "threads": 4, "torch": "1.0.0"}
    assert here.differences(recorded) == {"threads": (4, 1), "torch": ("1.0.0", here.torch)}
    assert here.differences(vars(here)) == {}


def test_dropout_is_drawn_as_after_seeding_everything() -> None:
    torch.manual_seed(5)
    expected = torch.rand(10)
    _seed_dropout(5, "cpu")
    assert torch.equal(torch.rand(10), expected)
