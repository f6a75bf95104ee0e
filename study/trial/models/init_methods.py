"""Init methods: where a student's weights come from before it is trained.

A new method is one function under `@init_method(...)` that turns `Origins` into a `Start`. The function may
combine what `Origins` offers: `copy_layers` of a source, `fresh` weights, and a configuration of any shape.
The state must have every tensor of that configuration's classifier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from study.config import TrialConfig
from study.errors import RequestError, did_you_mean
from study.streams import stream
from study.trial.data.task import Kind
from study.trial.models.layer_maps import Groups

if TYPE_CHECKING:  # torch and the modelling code take seconds to import; whoever lists the methods needs none
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

__all__ = ["InitMethod", "Origins", "Start", "copy_layers", "find_init_method", "init_method", "init_methods"]


@dataclass(frozen=True)
class Origins:
    """What a student may start from; a model is loaded when a method calls for the model.

    groups: the source layers of each student layer; the identity if the method copies no layers.
    kind: what the student labels, texts or tokens.
    """

    trial: TrialConfig
    labels: tuple[str, ...]
    groups: Groups
    base_folder: Path
    teacher_folder: Path | None
    kind: Kind = "text"

    def base(self) -> PreTrainedModel:
        """The base model as a classifier at full depth, its head drawn from the stream (seed, "head").

        So the head is the same for every depth of the student.
        """
        from study.trial.models.teacher import classifier_on

        return classifier_on(self.base_folder, self.labels, self.trial.seed, self.kind)

    def teacher(self) -> PreTrainedModel:
        """The fine-tuned teacher, head included."""
        from study.trial.models.teacher import load_classifier

        if self.teacher_folder is None:
            raise ValueError(f"init={self.trial.init} needs a teacher")
        return load_classifier(self.teacher_folder, self.labels)

    def fresh(self) -> PreTrainedModel:
        """A new classifier of the student's depth, drawn from the stream (seed, "student")."""
        import torch

        from study.trial.models.loading import automatic_class, labelled, read_config, seeded
        from study.trial.models.shapes import with_layers

        config = with_layers(labelled(read_config(self.base_folder), self.labels, self.kind), self.groups)
        with seeded(stream(self.trial.seed, "student")):
            student: PreTrainedModel = automatic_class(config).from_config(config, dtype=torch.float32)
            return student


@dataclass(frozen=True)
class Start:
    """A student before its first step: its configuration, and every tensor.

    The tensors may be the source's own, which map files: the student is built from copies.
    """

    config: PreTrainedConfig
    state: dict[str, Tensor]


@dataclass(frozen=True)
class InitMethod:
    """An init method under the name that configurations use.

    about: one line that describes the method.
    source: the model whose weights the method copies, so that no model is prepared in vain.
    copies_layers: whether the layer map has an effect.
    start: the function itself.
    """

    name: str
    about: str
    source: Literal["none", "base", "teacher"]
    copies_layers: bool
    start: Callable[[Origins], Start]


_METHODS: dict[str, InitMethod] = {}


def init_method(
    name: str, about: str, *, source: Literal["none", "base", "teacher"], copies_layers: bool
) -> Callable[[Callable[[Origins], Start]], Callable[[Origins], Start]]:
    """Register the decorated function as the init method `name`; `about` describes it in one line."""

    def register(function: Callable[[Origins], Start]) -> Callable[[Origins], Start]:
        if name in _METHODS:
            raise ValueError(f"two init methods are called {name!r}")
        _METHODS[name] = InitMethod(name, about, source, copies_layers, function)
        return function

    return register


def init_methods() -> dict[str, InitMethod]:
    """All registered methods by name."""
    return dict(_METHODS)


def find_init_method(name: str) -> InitMethod:
    """The method called `name`.

    Raises:
        RequestError: if there is none of that name; the message lists the names that exist.
    """
    if name not in _METHODS:
        near, known = did_you_mean(name, _METHODS), ", ".join(sorted(_METHODS))
        raise RequestError(f"init: no init method {name!r}{near}; there are {known}")
    return _METHODS[name]


def copy_layers(model: PreTrainedModel, groups: Groups) -> Start:
    """`model` with the layers of `groups` under their new index, and all other tensors unchanged.

    A group of one layer is copied to the bit; a larger group is averaged, in float32.
    """
    import torch

    from study.trial.models.shapes import with_layers
    from study.trial.models.stack import layer_stack

    prefix = f"{layer_stack(model)}."
    source = model.state_dict()
    state = {name: tensor for name, tensor in source.items() if not name.startswith(prefix)}
    for place, group in enumerate(groups):
        first = f"{prefix}{group[0]}."
        for name in (name.removeprefix(first) for name in source if name.startswith(first)):
            layers = [source[f"{prefix}{layer}.{name}"] for layer in group]
            state[f"{prefix}{place}.{name}"] = layers[0] if len(layers) == 1 else torch.stack(layers).mean(0)
    return Start(with_layers(model.config, groups), state)


@init_method(
    "random",
    "every weight new, as the architecture's initialiser draws it",
    source="none",
    copies_layers=False,
)
def random(origins: Origins) -> Start:
    """Nothing is copied: the baseline for `base` and `teacher`."""
    model = origins.fresh()
    return Start(model.config, dict(model.state_dict()))


@init_method(
    "base", "encoder copied from the pretrained base model, new head", source="base", copies_layers=True
)
def base(origins: Origins) -> Start:
    """What pretraining alone is worth. If the base model has a pooler, the pooler is copied too."""
    return copy_layers(origins.base(), origins.groups)


@init_method(
    "teacher",
    "everything, head included, copied from the fine-tuned teacher",
    source="teacher",
    copies_layers=True,
)
def teacher(origins: Origins) -> Start:
    """Wibowo, Solorio and Aji 2024, "The Privileged Students" (arXiv 2406.16524)."""
    return copy_layers(origins.teacher(), origins.groups)
