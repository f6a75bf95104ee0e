"""No tensor of a model's files is dropped in silence: what is not read is refused, or known to be a head."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForTokenClassification,
    BertForPreTraining,
    ElectraForPreTraining,
    XLMRobertaModel,
)

from study.errors import RequestError
from study.trial.models.encoder import check_weights, import_encoder
from study.trial.models.fingerprint import encoder_fingerprint
from study.trial.models.placed import in_short
from study.trial.models.teacher import check_teacher, new_classifier

Tensors = dict[str, torch.Tensor]
KINDS = ("bert", "xlm-roberta", "deberta-v2", "modernbert")


@pytest.fixture
def changed(families: Callable[[str], Any], tmp_path: Path) -> Callable[..., Path]:
    """`changed(kind, part, change)`: a copy of that part of the family, with other tensors."""

    def make(kind: str, part: str, change: Callable[[Any, Tensors], Tensors]) -> Path:
        family = families(kind)
        folder = Path(shutil.copytree(getattr(family, part), tmp_path / "changed"))
        file = folder / "model.safetensors"
        save_file(change(family, load_file(file)), file, {"format": "pt"})
        return folder

    return make


def per_layer(name: str) -> Callable[[Any, Tensors], Tensors]:
    """One more tensor in each layer, under the names that the files have."""

    def change(family: Any, state: Tensors) -> Tensors:
        stack = family.stack
        if not any(key.startswith(stack) for key in state):
            stack = stack.split(".", 1)[1]
        return state | {f"{stack}.{layer}.{name}": torch.ones(3, 8) for layer in range(family.layers)}

    return change


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["raw", "base"])
def test_tensors_of_layers_that_the_architecture_does_not_read_are_refused(
    changed: Callable[..., Path], kind: str, part: str
) -> None:
    folder = changed(kind, part, per_layer("distance_embedding.weight"))
    words = (
        rf"have 4 tensors without a place, as .*0\.distance_embedding\.weight, .*1\..*2\..*, \.\.\.: a {kind}"
    )
    with pytest.raises(RequestError, match=words) as refused:
        check_weights(folder)
    assert "\n" not in str(refused.value)
    with pytest.raises(RequestError, match="4 tensors without a place"):
        import_encoder(str(folder), folder / "out")
    assert not (folder / "out").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_layers_that_the_configuration_does_not_count_are_refused(
    changed: Callable[..., Path], kind: str
) -> None:
    folder = changed(kind, "raw", lambda family, state: state)
    file = folder / "config.json"
    values = json.loads(file.read_text()) | {"num_hidden_layers": 3}
    if "layer_types" in values:
        values["layer_types"] = values["layer_types"][:3]
    file.write_text(json.dumps(values))
    with pytest.raises(RequestError, match=r"tensors without a place, as [^ ]*\.3\."):
        check_weights(folder)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["fusion.weight", "language_adapter.down.weight"])
def test_a_part_that_is_no_head_of_the_architecture_is_refused(
    changed: Callable[..., Path], kind: str, name: str
) -> None:
    folder = changed(kind, "raw", lambda family, state: state | {name: torch.ones(4)})
    with pytest.raises(RequestError, match=f"have 1 tensor without a place, as {name}: a {kind}"):
        check_weights(folder)


def test_more_in_a_pooler_that_is_there_is_refused(changed: Callable[..., Path]) -> None:
    extra = {"bert.pooler.gate.weight": torch.ones(4)}
    with pytest.raises(RequestError, match=r"1 tensor without a place, as bert\.pooler\.gate\.weight"):
        check_weights(changed("bert", "raw", lambda family, state: state | extra))


@pytest.mark.parametrize(
    ("kind", "model_class"),
    [
        ("bert", BertForPreTraining),
        ("electra", ElectraForPreTraining),
        ("deberta-v2", AutoModelForTokenClassification),
        ("modernbert", AutoModelForTokenClassification),
        ("xlm-roberta", AutoModelForQuestionAnswering),
        ("distilbert", AutoModelForQuestionAnswering),
    ],
)
def test_heads_that_the_library_knows_are_dropped(
    families: Callable[[str], Any], kind: str, model_class: Any, tmp_path: Path
) -> None:
    family = families(kind)
    model_class.from_pretrained(family.raw).save_pretrained(tmp_path / "in")
    for file in family.raw.glob("tokenizer*"):
        shutil.copy(file, tmp_path / "in")
    import_encoder(str(tmp_path / "in"), tmp_path / "out")
    stored, base = (load_file(folder / "model.safetensors") for folder in (tmp_path / "out", family.base))
    assert all(torch.equal(stored[name], base[name]) for name in base)


def test_the_heads_of_debertas_first_code_are_dropped(changed: Callable[..., Path]) -> None:
    old = ("lm_predictions.lm_head.dense.weight", "mask_predictions.classifier.bias")
    check_weights(changed("deberta-v2", "raw", lambda _, state: state | {n: torch.ones(2) for n in old}))


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "distilbert"])
def test_saved_position_ids_are_no_weights(changed: Callable[..., Path], kind: str) -> None:
    def change(family: Any, state: Tensors) -> Tensors:
        return state | {f"{family.stack.split('.')[0]}.embeddings.position_ids": torch.arange(9)[None]}

    check_weights(changed(kind, "raw", change))


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_a_given_teachers_tensors_are_all_read(
    changed: Callable[..., Path], families: Any, kind: str
) -> None:
    family = families(kind)
    folder = changed(kind, "teacher", per_layer("adapter.down.weight"))
    with pytest.raises(RequestError, match="4 tensors without a place"):
        check_teacher(folder, family.labels, family.base)


@pytest.mark.parametrize(
    ("kind", "name"), [("bert", "classifier.scale"), ("xlm-roberta", "classifier.norm.bias")]
)
def test_more_in_a_given_teachers_head_is_refused(
    changed: Callable[..., Path], families: Any, kind: str, name: str
) -> None:
    family = families(kind)
    folder = changed(kind, "teacher", lambda _, state: state | {name: torch.ones(3)})
    with pytest.raises(RequestError, match=f"1 tensor without a place, as {name}"):
        check_teacher(folder, family.labels, family.base)


@pytest.mark.parametrize("name", ["roberta.pooler.dense.bias", "lm_head.bias"])
def test_a_given_teacher_may_have_kept_what_its_classifier_never_reads(
    changed: Callable[..., Path], families: Any, name: str
) -> None:
    family = families("xlm-roberta")
    folder = changed("xlm-roberta", "teacher", lambda _, state: state | {name: torch.ones(32)})
    check_teacher(folder, family.labels, family.base)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_a_student_starts_from_tensors_that_are_all_read(changed: Callable[..., Path], kind: str) -> None:
    folder = changed(kind, "base", per_layer("adapter.down.weight"))
    with pytest.raises(RequestError, match="4 tensors without a place"):
        new_classifier(folder, ("a", "b"), 0)


def test_a_pooler_that_classifiers_do_not_have_is_stored_and_no_hindrance(
    families: Callable[[str], Any], tmp_path: Path
) -> None:
    family = families("xlm-roberta")
    XLMRobertaModel.from_pretrained(family.raw).save_pretrained(tmp_path / "in")
    for file in family.raw.glob("tokenizer*"):
        shutil.copy(file, tmp_path / "in")
    import_encoder(str(tmp_path / "in"), tmp_path / "out")
    assert "pooler.dense.bias" in load_file(tmp_path / "out" / "model.safetensors")
    assert encoder_fingerprint(tmp_path / "out") == encoder_fingerprint(tmp_path / "in")
    new_classifier(tmp_path / "out", family.labels, 0)


def test_names_are_listed_in_the_order_of_the_layers() -> None:
    names = [f"layer.{number}.bias" for number in (10, 2, 1, 0)]
    assert in_short(names) == "4 tensors, as layer.0.bias, layer.1.bias, layer.2.bias, ..."
    assert in_short({"a"}, " of the encoder") == "1 tensor of the encoder, as a"
