"""Teachers: where they start, what a given one must be, and its classes in the task's order."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import normalizers
from transformers import AutoModelForMaskedLM, PreTrainedTokenizerFast

from study.errors import RequestError
from study.trial.data.task import Kind
from study.trial.models.loading import kind_of, labelled
from study.trial.models.student import build_student
from study.trial.models.teacher import check_teacher, import_teacher, load_classifier, new_classifier
from study.trial.models.tokenizer import load_tokenizer


@pytest.fixture
def family(either: Any) -> Any:
    """All that is tested here holds for both kinds of classifiers."""
    return either


@pytest.fixture
def shuffled(family: Any, tmp_path: Path) -> Path:
    """The family's teacher under class names that are not in the task's order."""
    folder = tmp_path / "shuffled"
    teacher = load_classifier(family.teacher)
    teacher.config = labelled(teacher.config, ("order", "cancel", "greet"))
    teacher.save_pretrained(folder)
    load_tokenizer(family.base).save_pretrained(folder)
    return folder


def test_a_new_classifier_has_the_base_models_encoder_and_memory_of_its_own(
    family: Any, file_hashes: Callable[[Sequence[Path]], dict[str, str]]
) -> None:
    before = file_hashes([family.base])
    model = new_classifier(family.base, family.labels, 3, family.kind)
    source = load_file(family.base / "model.safetensors")
    encoder = model.base_model.state_dict()
    shared = source.keys() & encoder.keys()
    assert len(shared) == len(source)
    assert all(torch.equal(source[name], encoder[name]) for name in shared)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(5.0)
    assert file_hashes([family.base]) == before
    assert not any(
        (p == 5.0).all() for p in new_classifier(family.base, family.labels, 3, family.kind).parameters()
    )


def test_a_new_classifier_outlives_the_base_models_files(bert: Any, tmp_path: Path) -> None:
    base = shutil.copytree(bert.base, tmp_path / "base")
    model = new_classifier(base, bert.labels, 3)
    values = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with (base / "model.safetensors").open("r+b") as file:
        file.write(bytes((base / "model.safetensors").stat().st_size))
    assert all(torch.equal(values[name], tensor) for name, tensor in model.state_dict().items())


def test_its_head_depends_on_the_seed_alone(bert: Any) -> None:
    torch.manual_seed(9)
    states = (new_classifier(bert.base, bert.labels, seed).state_dict() for seed in (1, 1, 2))
    one, same, other = (state["classifier.weight"] for state in states)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_base_model_with_a_head_is_refused(bert: Any) -> None:
    with pytest.raises(RequestError, match=r"not a base model alone, it has a head: classifier\.bias"):
        new_classifier(bert.teacher, bert.labels, 0)


def test_a_teacher_is_imported_with_its_classes_in_the_tasks_order(
    family: Any, shuffled: Path, batch: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    check_teacher(shuffled, family.labels, family.base, family.kind)
    import_teacher(shuffled, tmp_path / "out", family.labels, family.base, family.kind)
    imported = load_classifier(tmp_path / "out", family.labels)
    assert kind_of(imported.config) == family.kind
    with torch.no_grad():
        theirs = load_classifier(shuffled)(**batch).logits
        assert torch.equal(imported(**batch).logits, theirs[..., [1, 2, 0]])
    probe = "ẹ káàárọ̀, call me"
    assert load_tokenizer(tmp_path / "out")(probe).input_ids == load_tokenizer(family.base)(probe).input_ids


def test_importing_leaves_the_source_as_it_is(
    family: Any, shuffled: Path, file_hashes: Callable[[Sequence[Path]], dict[str, str]], tmp_path: Path
) -> None:
    before = file_hashes([shuffled, family.base])
    import_teacher(shuffled, tmp_path / "out", family.labels, family.base, family.kind)
    assert file_hashes([shuffled, family.base]) == before


@pytest.mark.parametrize(("kind", "other"), [("text", "token"), ("token", "text")])
def test_a_teacher_of_the_other_kind_is_refused(
    families: Callable[..., Any], kind: Kind, other: Kind
) -> None:
    teacher = families("bert", other)
    says = rf"architectures: .* labels a {other}, and the task has a label for each {kind}"
    with pytest.raises(RequestError, match=says):
        check_teacher(teacher.teacher, teacher.labels, teacher.base, kind)


def test_other_classes_are_refused_by_name(bert: Any, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="it has cancel, greet, and lacks no, yes"):
        check_teacher(bert.teacher, ("yes", "order", "no"), bert.base)
    unnamed = load_classifier(bert.teacher)
    unnamed.config.id2label = {i: f"LABEL_{i}" for i in range(3)}
    unnamed.save_pretrained(tmp_path)
    with pytest.raises(
        RequestError, match="it has LABEL_0, LABEL_1, LABEL_2, and lacks cancel, greet, order"
    ):
        check_teacher(tmp_path, bert.labels, bert.base)


def test_fewer_classes_are_refused(bert: Any) -> None:
    with pytest.raises(RequestError, match="it has no others, and lacks refund"):
        check_teacher(bert.teacher, (*bert.labels, "refund"), bert.base)


def test_a_model_that_is_no_classifier_is_refused(bert: Any, tmp_path: Path) -> None:
    model = AutoModelForMaskedLM.from_pretrained(bert.raw)
    model.config = labelled(model.config, bert.labels)
    model.save_pretrained(tmp_path)
    load_tokenizer(bert.base).save_pretrained(tmp_path)
    with pytest.raises(
        RequestError, match=r"not a fine-tuned sequence classifier: its weights lack .*classifier"
    ):
        check_teacher(tmp_path, bert.labels, bert.base)


def test_another_architecture_is_refused(bert: Any, families: Callable[[str], Any]) -> None:
    with pytest.raises(RequestError, match=r"it is a roberta of 4 layers x 32 .* the base model a bert of 4"):
        check_teacher(families("roberta").teacher, bert.labels, bert.base)


def test_another_depth_is_refused(bert: Any, tmp_path: Path) -> None:
    build_student(bert.config(), bert.base, bert.teacher, bert.labels).save_pretrained(tmp_path)
    load_tokenizer(bert.base).save_pretrained(tmp_path)
    with pytest.raises(RequestError, match=r"bert of 2 layers x 32 .* a bert of 4 layers"):
        check_teacher(tmp_path, bert.labels, bert.base)


def with_tokenizer(bert: Any, folder: Path, tokenizer: PreTrainedTokenizerFast) -> Path:
    load_classifier(bert.teacher).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_another_vocabulary_is_refused(bert: Any, tokenizer: Any, tmp_path: Path) -> None:
    state = tokenizer.backend_tokenizer.to_str()
    swapped = state.replace('"a":', '"TEMP":').replace('"b":', '"a":').replace('"TEMP":', '"b":')
    other = type(tokenizer.backend_tokenizer).from_str(swapped)
    folder = with_tokenizer(bert, tmp_path, PreTrainedTokenizerFast(tokenizer_object=other))
    with pytest.raises(RequestError, match="tokenizer is not the base model's: 4 tokens differ"):
        check_teacher(folder, bert.labels, bert.base)


def test_the_same_vocabulary_read_otherwise_is_refused(bert: Any, tokenizer: Any, tmp_path: Path) -> None:
    other = type(tokenizer.backend_tokenizer).from_str(tokenizer.backend_tokenizer.to_str())
    other.normalizer = normalizers.Lowercase()
    tokens = tokenizer.special_tokens_map
    folder = with_tokenizer(bert, tmp_path, PreTrainedTokenizerFast(tokenizer_object=other, **tokens))
    with pytest.raises(RequestError, match="gets other ids"):
        check_teacher(folder, bert.labels, bert.base)


def test_damaged_weights_are_refused_in_one_line(bert: Any, tmp_path: Path) -> None:
    load_classifier(bert.teacher).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    state = load_file(bert.teacher / "model.safetensors")
    save_file(state | {"classifier.weight": torch.zeros(3, 31)}, file, {"format": "pt"})
    with pytest.raises(RequestError, match=r"do not have the shapes of its config\.json"):
        load_classifier(tmp_path)
    file.write_bytes((bert.teacher / "model.safetensors").read_bytes()[:500])
    with pytest.raises(RequestError, match="weights cannot be loaded") as error:
        load_classifier(tmp_path)
    assert "\n" not in str(error.value)


# The class order


@pytest.mark.parametrize("classes", [32, 37, 16])
def test_as_many_classes_as_the_encoder_is_wide(
    family: Any, batch: dict[str, torch.Tensor], classes: int, tmp_path: Path
) -> None:
    """32 is the width of every encoder here, 37 of its feed-forward layers, 16 of an embedding."""
    labels = [f"c{number:02d}" for number in range(classes)]
    theirs = random.Random(0).sample(labels, classes)
    given = new_classifier(family.base, theirs, 0, family.kind)
    given.save_pretrained(tmp_path / "given")
    load_tokenizer(family.base).save_pretrained(tmp_path / "given")
    import_teacher(tmp_path / "given", tmp_path / "out", labels, family.base, family.kind)
    imported = load_classifier(tmp_path / "out", labels)
    with torch.no_grad():
        logits = given(**batch).logits
        ours = [theirs.index(label) for label in labels]
        assert torch.equal(imported(**batch).logits, logits[..., ours])


@pytest.fixture(params=["bert", "xlm-roberta"])
def named(
    families: Callable[[str], Any], request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[..., tuple[Any, Path]]:
    """A copy of an architecture's teacher with other fields in config.json."""

    def name(**values: Any) -> tuple[Any, Path]:
        family = families(request.param)
        folder = Path(shutil.copytree(family.teacher, tmp_path / "named"))
        file = folder / "config.json"
        config = json.loads(file.read_text())
        for field in ("id2label", "label2id"):
            config.pop(field)
        file.write_text(json.dumps(config | values))
        return family, folder

    return name


@pytest.mark.parametrize("numbers", [{"0": 2, "1": 0, "2": 1}, {"0": "2", "1": "0", "2": "1"}])
def test_a_number_is_its_own_name(named: Callable[..., Any], numbers: dict[str, Any], tmp_path: Path) -> None:
    family, folder = named(id2label=numbers)
    import_teacher(folder, tmp_path / "out", ("0", "1", "2"), family.base)
    source, imported = (load_file(f / "model.safetensors") for f in (folder, tmp_path / "out"))
    bias = next(name for name in source if name.startswith("classifier") and len(source[name]) == 3)
    assert torch.equal(imported[bias], source[bias][[1, 2, 0]])


@pytest.mark.parametrize("absent", [None, True, 1.5])
def test_a_class_without_a_name_is_refused(named: Callable[..., Any], absent: Any) -> None:
    family, folder = named(id2label={"0": "a", "1": absent, "2": "c"})
    with pytest.raises(RequestError, match=rf"config\.json: id2label: class 1 has the name {absent}; a text"):
        check_teacher(folder, ("a", "b", "c"), family.base)


def test_two_orders_of_the_same_classes_are_refused(named: Callable[..., Any]) -> None:
    ids = {"a": 0, "b": 2, "c": 1}
    family, folder = named(id2label={"0": "a", "1": "b", "2": "c"}, label2id=ids)
    with pytest.raises(RequestError, match="label2id: b is class 2, and class 1 in id2label; the same order"):
        check_teacher(folder, ("a", "b", "c"), family.base)


def test_names_that_were_written_over_the_librarys_own(named: Callable[..., Any]) -> None:
    ids = {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}
    family, folder = named(id2label={"0": "a", "1": "b", "2": "c"}, label2id=ids)
    check_teacher(folder, ("c", "b", "a"), family.base)


def test_the_librarys_own_names_say_what_to_do(named: Callable[..., Any]) -> None:
    family, folder = named(id2label={str(place): f"LABEL_{place}" for place in range(3)})
    with pytest.raises(RequestError, match=r"id2label in its config\.json must name the task's labels"):
        check_teacher(folder, ("0", "1", "2"), family.base)


@pytest.mark.parametrize("problem", ["multi_label_classification", "regression"])
def test_a_teacher_that_does_not_choose_one_class_is_refused(named: Callable[..., Any], problem: str) -> None:
    family, folder = named(id2label={"0": "a", "1": "b", "2": "c"}, problem_type=problem)
    with pytest.raises(RequestError, match=f"problem_type: '{problem}' is no choice of one class"):
        check_teacher(folder, ("a", "b", "c"), family.base)


def test_loading_is_silent(bert: Any, capfd: pytest.CaptureFixture[str]) -> None:
    new_classifier(bert.base, bert.labels, 0)
    load_classifier(bert.teacher)
    assert capfd.readouterr() == ("", "")
