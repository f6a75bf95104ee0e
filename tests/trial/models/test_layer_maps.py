"""What every layer map must keep, and where the built-in ones take their layers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.errors import RequestError
from study.trial.models.layer_maps import LayerMap, layer_map, layer_maps

MAPS = list(layer_maps().values())
each_map = pytest.mark.parametrize("layers_of", MAPS, ids=lambda layers_of: layers_of.name)
sizes = st.integers(1, 48).flatmap(lambda layers: st.tuples(st.just(layers), st.integers(1, layers)))


@each_map
@given(size=sizes)
def test_each_student_layer_has_a_group_of_source_layers_in_order(
    layers_of: LayerMap, size: tuple[int, int]
) -> None:
    layers, depth = size
    groups = layers_of(layers, depth)
    assert len(groups) == depth
    assert all(groups)
    used = [layer for group in groups for layer in group]
    assert used == sorted(set(used))
    assert set(used) <= set(range(layers))
    assert groups == layers_of(layers, depth)


@each_map
@given(layers=st.integers(1, 48))
def test_full_depth_is_the_identity(layers_of: LayerMap, layers: int) -> None:
    assert layers_of(layers, layers) == [[layer] for layer in range(layers)]


@each_map
@pytest.mark.parametrize("depth", [-1, 0, 7])
def test_a_depth_that_the_source_does_not_have_is_refused(layers_of: LayerMap, depth: int) -> None:
    with pytest.raises(RequestError, match="between 1 and the source's 6 layers"):
        layers_of(6, depth)


@each_map
def test_it_says_what_it_is_in_one_line(layers_of: LayerMap) -> None:
    assert layers_of.about
    assert "\n" not in layers_of.about


@pytest.mark.parametrize(
    ("name", "layers", "depth", "groups"),
    [
        ("uniform", 12, 6, [[0], [2], [4], [6], [8], [10]]),
        ("uniform", 12, 5, [[0], [2], [4], [7], [9]]),
        ("first", 6, 3, [[0], [1], [2]]),
        ("last", 6, 3, [[3], [4], [5]]),
        ("ends", 6, 3, [[0], [1], [5]]),
        ("ends", 6, 4, [[0], [1], [4], [5]]),
        ("ends", 6, 1, [[0]]),
        ("average", 6, 3, [[0, 1], [2, 3], [4, 5]]),
        ("average", 7, 3, [[0, 1], [2, 3], [4, 5, 6]]),
        ("average", 4, 1, [[0, 1, 2, 3]]),
    ],
)
def test_the_built_in_maps(name: str, layers: int, depth: int, groups: list[list[int]]) -> None:
    assert layer_maps()[name](layers, depth) == groups


@given(size=sizes)
def test_uniform_keeps_the_first_layer_and_even_gaps(size: tuple[int, int]) -> None:
    layers, depth = size
    chosen = [group[0] for group in layer_maps()["uniform"](layers, depth)]
    gaps = {b - a for a, b in zip(chosen, [*chosen[1:], layers], strict=True)}
    assert chosen[0] == 0
    assert max(gaps) - min(gaps) <= 1


@given(size=sizes)
def test_average_uses_every_source_layer_once(size: tuple[int, int]) -> None:
    layers, depth = size
    groups = layer_maps()["average"](layers, depth)
    assert [layer for group in groups for layer in group] == list(range(layers))
    assert max(map(len, groups)) - min(map(len, groups)) <= 1


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="'uniform'"):
        layer_map("uniform", "again")(lambda layers, depth: [])
