"""Weights are read with the dtype of the files, whatever config.json says, or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from study.errors import RequestError
from study.trial.models.encoder import check_weights, import_encoder
from study.trial.models.teacher import check_teacher, new_classifier
from study.trial.models.weights import exact_dtype

Change = Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]


@pytest.fixture(params=["bert", "xlm-roberta", "modernbert"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def stored_as(families: Callable[[str], Any], kind: str, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the architecture's checkpoint with `change`d tensors under a config.json of that dtype."""

    def make(dtype: str, change: Change, part: str = "raw") -> Path:
        folder = Path(shutil.copytree(getattr(families(kind), part), tmp_path / "in"))
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"dtype": dtype}))
        state = change(load_file(folder / "model.safetensors"))
        save_file(state, folder / "model.safetensors", {"format": "pt"})
        return folder

    return make


def all_to(dtype: torch.dtype) -> Change:
    return lambda state: {name: tensor.to(dtype) for name, tensor in state.items()}


@pytest.mark.parametrize("stated", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_what_is_stored_has_the_bits_of_the_files(
    stored_as: Callable[..., Path],
    families: Callable[[str], Any],
    kind: str,
    stated: str,
    dtype: torch.dtype,
    tmp_path: Path,
) -> None:
    folder = stored_as(stated, all_to(dtype))
    assert exact_dtype(folder) == dtype
    import_encoder(str(folder), tmp_path / "out")
    stored = load_file(tmp_path / "out" / "model.safetensors")
    base = load_file(families(kind).base / "model.safetensors")
    assert all(torch.equal(tensor, base[name].to(dtype)) for name, tensor in stored.items())
    assert {tensor.dtype for tensor in stored.values()} == {dtype}
    assert new_classifier(tmp_path / "out", ("a", "b"), 0).dtype == torch.float32


def test_large_weights_stay_finite(stored_as: Callable[..., Path], tmp_path: Path) -> None:
    folder = stored_as("float16", lambda state: {name: 1e6 * tensor for name, tensor in state.items()})
    import_encoder(str(folder), tmp_path / "out")
    stored = load_file(tmp_path / "out" / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in stored.values())
    assert max(float(tensor.max()) for tensor in stored.values()) > 1e5


def test_of_several_dtypes_all_are_held_exactly(stored_as: Callable[..., Path]) -> None:
    def every_second(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        dtypes = (torch.float16, torch.bfloat16)
        return {name: t.to(dtypes[place % 2]) for place, (name, t) in enumerate(sorted(state.items()))}

    assert exact_dtype(stored_as("float16", every_second)) == torch.float32


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.float8_e4m3fn])
def test_quantised_weights_are_refused(stored_as: Callable[..., Path], dtype: torch.dtype) -> None:
    def quantised(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        name = next(name for name in sorted(state) if "layer" in name)
        return state | {name: state[name].to(dtype)}

    with pytest.raises(
        RequestError, match=r"quantised weights: .*layer.* is (u?int8|float8_e4m3fn); float32"
    ):
        check_weights(stored_as("float32", quantised))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(
    stored_as: Callable[..., Path], families: Callable[[str], Any], kind: str, value: float
) -> None:
    def spoilt(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        name = next(name for name in sorted(state) if "layer" in name)
        state[name].view(-1)[0] = value
        return state

    words = "its weights are not finite numbers in 1 tensors, as .*layer"
    folder = stored_as("float32", spoilt)
    with pytest.raises(RequestError, match=words):
        check_weights(folder)
    shutil.rmtree(folder)
    family = families(kind)
    with pytest.raises(RequestError, match=words):
        check_teacher(stored_as("float32", spoilt, "teacher"), family.labels, family.base)
