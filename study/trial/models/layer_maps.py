"""Layer maps: which layers of the source a shallower student starts from.

A map is a function (L source layers, depth d) -> d groups of source layers. Each group is averaged into one
student layer; a group of one is copied. A new map is one function under `@layer_map(name, about)`. At full
depth every map is the identity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from study.errors import RequestError, did_you_mean

__all__ = ["Groups", "LayerMap", "find_layer_map", "layer_map", "layer_maps"]

Groups = list[list[int]]
"""For each student layer, the source layers whose mean it is; indices from 0, in rising order."""

Function = Callable[[int, int], Groups]


@dataclass(frozen=True)
class LayerMap:
    """A layer map under the name that configurations use."""

    name: str
    about: str
    function: Function

    def __call__(self, source_layers: int, depth: int) -> Groups:
        """Groups of source layers, one for each of the student's `depth` layers.

        Raises:
            RequestError: unless 1 <= depth <= source_layers.
        """
        if not 1 <= depth <= source_layers:
            raise RequestError(f"depth: {depth} is not between 1 and the source's {source_layers} layers")
        return self.function(source_layers, depth)


_MAPS: dict[str, LayerMap] = {}


def layer_map(name: str, about: str) -> Callable[[Function], Function]:
    """Register the decorated function as the layer map `name`; `about` describes it in one line."""

    def register(function: Function) -> Function:
        if name in _MAPS:
            raise ValueError(f"two layer maps are called {name!r}")
        _MAPS[name] = LayerMap(name, about, function)
        return function

    return register


def layer_maps() -> dict[str, LayerMap]:
    """All registered maps by name."""
    return dict(_MAPS)


def find_layer_map(name: str) -> LayerMap:
    """The map called `name`.

    Raises:
        RequestError: if there is none of that name; the message lists the names that exist.
    """
    if name not in _MAPS:
        near, known = did_you_mean(name, _MAPS), ", ".join(sorted(_MAPS))
        raise RequestError(f"layer_map: no layer map {name!r}{near}; there are {known}")
    return _MAPS[name]


@layer_map("uniform", "every k-th layer from the first: floor(j * L / d)")
def uniform(source_layers: int, depth: int) -> Groups:
    """Student layer j is source layer floor(j * L / d): 0, 2, 4, ... at half the depth."""
    return [[j * source_layers // depth] for j in range(depth)]


@layer_map("first", "the lowest d layers")
def first(source_layers: int, depth: int) -> Groups:
    """Student layer j is source layer j."""
    return [[j] for j in range(depth)]


@layer_map("last", "the highest d layers")
def last(source_layers: int, depth: int) -> Groups:
    """Student layer j is source layer L - d + j."""
    return [[source_layers - depth + j] for j in range(depth)]


@layer_map("ends", "the lowest ceil(d / 2) layers and the highest floor(d / 2)")
def ends(source_layers: int, depth: int) -> Groups:
    """Student layer j is source layer j in the lower half (the larger one), and L - d + j above it."""
    lower = (depth + 1) // 2
    return [[j if j < lower else source_layers - depth + j] for j in range(depth)]


@layer_map("average", "each layer the mean of its neighbours: [floor(j * L / d), floor((j + 1) * L / d))")
def average(source_layers: int, depth: int) -> Groups:
    """Student layer j is the mean of the source layers floor(j * L / d), ..., floor((j + 1) * L / d) - 1."""
    starts = [j * source_layers // depth for j in range(depth + 1)]
    return [list(range(low, high)) for low, high in pairwise(starts)]
