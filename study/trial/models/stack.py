"""The layer stack: the part of a model that becomes shorter when the model's depth does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from study.errors import RequestError

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import PreTrainedModel

__all__ = ["layer_shapes", "layer_stack", "shapes_outside"]


def layer_stack(model: PreTrainedModel) -> str:
    """Dotted name of the encoder's layers: the one ModuleList that is `config.num_hidden_layers` long.

    A list of the same length inside a layer (MobileBERT's feed-forward blocks) does not count.

    Raises:
        RequestError: if no list has that length, or several have it and none of these contains the others.
    """
    depth = model.config.num_hidden_layers
    lists: list[str] = [
        n for n, m in model.named_modules() if isinstance(m, nn.ModuleList) and len(m) == depth
    ]
    outermost = [n for n in lists if not any(n.startswith(f"{other}.") for other in lists)]
    if len(outermost) != 1:
        found = f"there are {', '.join(outermost)}" if outermost else "there is none"
        raise RequestError(
            f"{model.config.model_type}: a student needs one stack of {depth} layers to copy from; {found}"
        )
    return outermost[0]


def layer_shapes(model: PreTrainedModel) -> list[dict[str, tuple[int, ...]]]:
    """For each layer of the stack, the shape of each of its tensors by name."""
    layers = model.get_submodule(layer_stack(model))
    assert isinstance(layers, nn.ModuleList)
    return [{name: tuple(t.shape) for name, t in layer.state_dict().items()} for layer in layers]


def shapes_outside(model: PreTrainedModel) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor outside the layer stack by name."""
    prefix = f"{layer_stack(model)}."
    return {name: tuple(t.shape) for name, t in model.state_dict().items() if not name.startswith(prefix)}
