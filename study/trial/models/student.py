"""Building a student: the tensors of its init method, placed one by one and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import PreTrainedConfig

from study.config import TrialConfig
from study.errors import RequestError
from study.trial.data.task import Kind
from study.trial.data.vocabulary import Vocabulary
from study.trial.models.init_methods import Origins, find_init_method
from study.trial.models.layer_maps import Groups, find_layer_map
from study.trial.models.loading import assemble, read_config
from study.trial.models.shapes import check_copyable
from study.trial.models.trimming import trim_tensors

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import PreTrainedModel

__all__ = ["build_student", "check_possible", "source_layers"]


def check_possible(init: str, layer_map: str, depth: int, base: Path | PreTrainedConfig) -> None:
    """Check that a student can be built so; reads the base model's configuration, no weights.

    `build_student` makes the same check, and refuses with the same words.

    Raises:
        RequestError: for an unknown name, a depth that the base model does not have, or a layer map that puts
            a layer into a place that it does not fit.
    """
    method, layers_of = find_init_method(init), find_layer_map(layer_map)
    config = read_config(base) if isinstance(base, Path) else base
    groups = layers_of(config.num_hidden_layers, depth)
    if method.copies_layers:
        check_copyable(config, groups)


def source_layers(init: str, layer_map: str, layers: int, depth: int) -> Groups:
    """For each layer of a student of `depth` layers, the layers of the source, of which there are `layers`.

    Raises:
        RequestError: for an unknown name, or a depth that the source does not have.
    """
    if find_init_method(init).copies_layers:
        return find_layer_map(layer_map)(layers, depth)
    return [[layer] for layer in range(depth)]


def build_student(
    config: TrialConfig,
    base: Path,
    teacher: Path | None,
    labels: Sequence[str],
    vocabulary: Vocabulary | None = None,
    kind: Kind = "text",
) -> PreTrainedModel:
    """The student of `config` before its first step: float32, on the CPU, in evaluation mode.

    base, teacher: folders in Hugging Face layout; the teacher's classes are in the order of `labels`. An init
    method that copies no teacher needs none. The student shares no memory with base model or teacher.
    Its dropout is the base model's, whatever the student is copied from, so that all arms train alike.
    vocabulary: if given, the student has the same tensors, except that its embedding has the rows of the kept
    tokens alone. kind: what the student labels, texts or tokens.

    Raises:
        RequestError: as `check_possible`; and if the files do not have the content that they should have.
        ValueError: if the init method did not place exactly the student's tensors.
    """
    check_possible(config.init, config.layer_map, config.depth, base)
    base_config = read_config(base)
    if base_config.num_hidden_layers != config.model_layers:
        raise RequestError(
            f"{base}: it has {base_config.num_hidden_layers} layers, not {config.model_layers}"
        )
    method = find_init_method(config.init)
    groups = source_layers(config.init, config.layer_map, config.model_layers, config.depth)
    start = method.start(Origins(config, tuple(labels), groups, base, teacher, kind))
    for name, value in base_config.to_dict().items():
        if "dropout" in name:
            setattr(start.config, name, value)
    if vocabulary is None:
        return assemble(start.config, start.state)
    return assemble(*trim_tensors(start.config, start.state, vocabulary))
