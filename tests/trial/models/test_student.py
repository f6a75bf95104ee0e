"""Students of every architecture: each tensor where it belongs, nothing shared, nothing by chance."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig

from study.errors import RequestError
from study.trial.models.init_methods import InitMethod, copy_layers, init_methods
from study.trial.models.layer_maps import layer_maps
from study.trial.models.loading import assemble, kind_of
from study.trial.models.student import build_student, check_possible
from study.trial.models.teacher import load_classifier

each_method = pytest.mark.parametrize("method", list(init_methods().values()), ids=lambda method: method.name)


@pytest.fixture
def family(either: Any) -> Any:
    """All that is tested here holds for both kinds of classifiers."""
    return either


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def encoder_and_head(state: dict[str, torch.Tensor], stack: str) -> tuple[set[str], set[str]]:
    prefix = stack.split(".")[0] + "."
    encoder = {name for name in state if name.startswith(prefix)}
    return encoder, state.keys() - encoder


def build(family: Any, **values: Any) -> Any:
    config = family.config(**values)
    return build_student(config, family.base, family.teacher, family.labels, kind=family.kind)


def overwrite(file: Path) -> None:
    """Fill the file with zeros in place, in the same memory pages."""
    size = file.stat().st_size
    with file.open("r+b") as handle:
        handle.write(bytes(size))


def refusal(attempt: Callable[[], object]) -> str | None:
    try:
        attempt()
    except RequestError as error:
        return str(error)
    return None


@each_method
def test_what_planning_allows_is_built_and_nothing_else(family: Any, method: InitMethod) -> None:
    for layer_map in layer_maps():
        for depth in range(1, family.layers + 1):
            wish = {"init": method.name, "layer_map": layer_map, "depth": depth}
            planned = refusal(partial(check_possible, method.name, layer_map, depth, family.base))
            if planned is not None:
                assert family.name == "modernbert", "only its layers differ from each other"
                assert refusal(partial(build, family, **wish)) == planned
                continue
            if depth not in (1, family.layers - 1):  # the other depths are planned by the same rule
                continue
            student = build(family, **wish)
            assert len(student.get_submodule(family.stack)) == depth
            assert student.config.num_hidden_layers == depth
            assert {p.dtype for p in student.parameters()} == {torch.float32}
            assert all(p.isfinite().all() for p in student.parameters())


@each_method
def test_the_same_configuration_gives_the_same_bits_whatever_was_drawn_before(
    family: Any, method: InitMethod
) -> None:
    torch.manual_seed(1)
    one = build(family, init=method.name, depth=2, seed=3).state_dict()
    torch.manual_seed(2)
    torch.randn(5)
    before = torch.get_rng_state()
    other = build(family, init=method.name, depth=2, seed=3).state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(torch.get_rng_state(), before)


@each_method
def test_sources_stay_as_they_are_when_the_student_changes(
    family: Any, method: InitMethod, file_hashes: Callable[[Sequence[Path]], dict[str, str]]
) -> None:
    folders = [family.base, family.teacher]
    before = file_hashes(folders)
    live = load_classifier(family.teacher)
    values = {name: tensor.clone() for name, tensor in live.state_dict().items()}
    student = build(family, init=method.name)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.fill_(7.0)
    again = build(family, init=method.name)
    assert not any((parameter == 7.0).all() for parameter in again.parameters())
    assert all(torch.equal(values[name], tensor) for name, tensor in live.state_dict().items())
    assert file_hashes(folders) == before


@each_method
def test_a_student_outlives_its_sources_files(bert: Any, method: InitMethod, tmp_path: Path) -> None:
    """Files are mapped lazily: a student that shared their memory would change with them."""
    base, teacher = (Path(shutil.copytree(f, tmp_path / f.name)) for f in (bert.base, bert.teacher))
    student = build_student(bert.config(init=method.name), base, teacher, bert.labels)
    before = {name: tensor.clone() for name, tensor in student.state_dict().items()}
    for folder in (base, teacher):
        overwrite(folder / "model.safetensors")
    assert all(torch.equal(before[name], tensor) for name, tensor in student.state_dict().items())


def test_what_is_assembled_shares_no_memory_with_a_live_source(bert: Any) -> None:
    source = load_classifier(bert.teacher)
    start = copy_layers(source, [[0], [1, 2]])
    theirs = {tensor.data_ptr() for tensor in source.state_dict().values()}
    assert any(tensor.data_ptr() in theirs for tensor in start.state.values())
    ours = assemble(start.config, start.state).state_dict()
    assert not any(tensor.data_ptr() in theirs for tensor in ours.values())


@each_method
def test_a_student_is_a_classifier_of_the_tasks_labels(
    family: Any, method: InitMethod, batch: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    student = build(family, init=method.name)
    assert student.config.id2label == dict(enumerate(family.labels))
    assert student.config.label2id == {label: i for i, label in enumerate(family.labels)}
    assert kind_of(student.config) == family.kind
    problem = "single_label_classification" if family.kind == "text" else None
    assert student.config.problem_type == problem
    texts, tokens = batch["input_ids"].shape
    shape = (texts, len(family.labels)) if family.kind == "text" else (texts, tokens, len(family.labels))
    assert student(**batch).logits.shape == shape
    student.save_pretrained(tmp_path)
    loaded = load_classifier(tmp_path, family.labels)
    assert torch.equal(loaded(**batch).logits, student(**batch).logits)
    assert str(family.base.parent) not in (tmp_path / "config.json").read_text()


def test_attention_is_fused_where_the_architecture_has_it(family: Any) -> None:
    """torch's scaled_dot_product_attention; DeBERTa-v2's disentangled attention has its own formula."""
    student = build(family)
    assert student.config._attn_implementation == ("eager" if family.name == "deberta-v2" else "sdpa")


@each_method
def test_a_method_says_what_it_is(method: InitMethod) -> None:
    assert method.about
    assert "\n" not in method.about
    assert method.source in ("none", "base", "teacher")


@pytest.mark.parametrize(("layer_map", "depth"), [("uniform", 2), ("first", 3), ("ends", 2), ("last", 1)])
def test_a_teacher_copy_is_the_teachers_tensors_under_new_indices(
    family: Any, layer_map: str, depth: int
) -> None:
    if family.name == "modernbert" and layer_map == "last":
        pytest.skip("its first layer cannot be replaced")
    source = weights(family.teacher)
    state = build(family, init="teacher", layer_map=layer_map, depth=depth).state_dict()
    expected = {n: t for n, t in source.items() if not n.startswith(family.stack)}
    for place, [layer] in enumerate(layer_maps()[layer_map](family.layers, depth)):
        for name, tensor in source.items():
            if name.startswith(f"{family.stack}.{layer}."):
                expected[name.replace(f"{family.stack}.{layer}.", f"{family.stack}.{place}.")] = tensor
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    assert sum(t.numel() for t in state.values()) == sum(t.numel() for t in expected.values())


def test_an_averaged_layer_is_the_mean_of_its_group(family: Any) -> None:
    if family.name == "modernbert":
        pytest.skip("its neighbours are of different types")
    source = weights(family.teacher)
    state = build(family, init="teacher", layer_map="average", depth=3).state_dict()
    for name in (n for n in state if n.startswith(f"{family.stack}.2.")):
        third, fourth = (source[name.replace(f"{family.stack}.2.", f"{family.stack}.{i}.")] for i in (2, 3))
        torch.testing.assert_close(state[name], (third + fourth) / 2)
    for name in (n for n in state if n.startswith((f"{family.stack}.0.", f"{family.stack}.1."))):
        assert torch.equal(state[name], source[name])


def test_at_full_depth_a_teacher_copy_is_the_teacher(family: Any, batch: dict[str, torch.Tensor]) -> None:
    teacher = load_classifier(family.teacher)
    with torch.no_grad():
        expected = teacher(**batch).logits
        for layer_map in layer_maps():
            student = build(family, init="teacher", layer_map=layer_map, depth=family.layers)
            assert torch.equal(student.eval()(**batch).logits, expected)


def test_a_base_copy_has_the_base_models_encoder_and_a_head_of_its_own(family: Any) -> None:
    source = weights(family.base)
    prefix = family.stack.split(".")[0] + "."
    state = build(family, init="base", layer_map="first", depth=family.layers).state_dict()
    encoder, head = encoder_and_head(state, family.stack)
    drawn = {n for n in encoder if "pooler" in n and n.removeprefix(prefix) not in source}
    assert all(torch.equal(state[n], source[n.removeprefix(prefix)]) for n in encoder - drawn)
    teacher = weights(family.teacher)
    assert not any(torch.equal(state[n], teacher[n]) for n in head)


def test_the_head_of_a_base_copy_depends_on_the_seed_and_not_on_the_depth(family: Any) -> None:
    shallow, deep, other = (build(family, init="base", depth=d, seed=s) for d, s in ((1, 5), (4, 5), (1, 6)))
    states = [m.state_dict() for m in (shallow, deep, other)]
    _, head = encoder_and_head(states[0], family.stack)
    assert all(torch.equal(states[0][n], states[1][n]) for n in head)
    drawn = [n for n in head if states[0][n].std() > 0]
    assert drawn
    assert not any(torch.equal(states[0][n], states[2][n]) for n in drawn)
    encoder = {n for n in states[0] if n not in head and "pooler" not in n}
    assert all(torch.equal(states[0][n], states[2][n]) for n in encoder)


def test_a_random_student_takes_nothing_from_base_or_teacher(family: Any) -> None:
    one, other = (build(family, init="random", seed=seed).state_dict() for seed in (0, 1))
    drawn = [n for n in one if one[n].std() > 0]
    assert len(drawn) > 10
    assert not any(torch.equal(one[n], other[n]) for n in drawn)
    for source in (weights(family.base), weights(family.teacher)):
        values = {tuple(t.shape): t for t in source.values()}
        assert not any(torch.equal(one[n], values[s]) for n in drawn if (s := tuple(one[n].shape)) in values)


def test_only_a_teacher_copy_needs_a_teacher(bert: Any) -> None:
    for name in ("random", "base"):
        build_student(bert.config(init=name), bert.base, None, bert.labels)
    with pytest.raises(ValueError, match="needs a teacher"):
        build_student(bert.config(init="teacher"), bert.base, None, bert.labels)


def test_dropout_is_the_base_models_in_every_arm(bert: Any, tmp_path: Path) -> None:
    teacher = load_classifier(bert.teacher)
    teacher.config.hidden_dropout_prob = 0.37
    teacher.save_pretrained(tmp_path)
    for name in init_methods():
        student = build_student(bert.config(init=name), bert.base, tmp_path, bert.labels)
        assert student.config.hidden_dropout_prob == 0.1
        assert {m.p for m in student.modules() if isinstance(m, torch.nn.Dropout)} == {0.1}


def test_half_precision_sources_give_float32_students(bert: Any, tmp_path: Path) -> None:
    teacher: Any = load_classifier(bert.teacher)
    teacher.to(torch.bfloat16).save_pretrained(tmp_path)
    student = build_student(bert.config(init="teacher"), bert.base, tmp_path, bert.labels)
    source = load_file(tmp_path / "model.safetensors")
    assert source["classifier.weight"].dtype == torch.bfloat16
    assert torch.equal(student.state_dict()["classifier.weight"], source["classifier.weight"].float())


def test_modernbert_layers_keep_the_attention_that_they_were_trained_with(
    families: Callable[[str], Any],
) -> None:
    family = families("modernbert")
    types = load_classifier(family.teacher).config.layer_types
    student = build(family, init="teacher", layer_map="ends", depth=3)
    assert student.config.layer_types == [types[0], types[1], types[3]]
    assert build(family, init="random", depth=3).config.layer_types == types[:3]


def test_a_teacher_with_classes_in_another_order_is_refused(bert: Any) -> None:
    with pytest.raises(RequestError, match="in their order"):
        build_student(bert.config(init="teacher"), bert.base, bert.teacher, bert.labels[::-1])


def test_a_base_model_of_another_depth_than_the_configuration_says_is_refused(bert: Any) -> None:
    with pytest.raises(RequestError, match="4 layers, not 6"):
        build_student(bert.config(model_layers=6), bert.base, bert.teacher, bert.labels)


@pytest.mark.parametrize(
    ("init", "layer_map", "depth", "words"),
    [
        ("xavier", "uniform", 2, "init: no init method 'xavier'; there are base, random, teacher"),
        ("random", "middle", 2, "layer_map: no layer map 'middle'; there are average, ends, first"),
        ("teacher", "uniform", 5, "depth: 5 is not between 1 and the source's 4 layers"),
        ("random", "uniform", 0, "depth: 0 is not"),
    ],
)
def test_unknown_names_and_impossible_depths(
    bert: Any, init: str, layer_map: str, depth: int, words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        check_possible(init, layer_map, depth, bert.base)


def test_a_configuration_alone_is_enough(bert: Any) -> None:
    check_possible("teacher", "last", 2, AutoConfig.from_pretrained(bert.base))
