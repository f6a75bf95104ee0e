"""What the largest trial of a plan takes, and how many of it a machine has room for."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.errors import RequestError
from study.planning.capacity import (
    Machine,
    Need,
    check_room,
    estimated_extent,
    gpu_fraction,
    known_extent,
    largest,
    need_of,
    this_machine,
)
from study.trial.memory import MIB, Peak
from study.trial.models.loading import read_config

GIB = 1024 * MIB


def test_the_largest_trial_has_the_greatest_of_all_sizes_that_arms_can_draw(
    make_plan: Callable[..., Any],
) -> None:
    plan = make_plan(
        scientific={"depth": (1, 6, 3)},
        nuisance={"batch_size": (8, 64, 16)},
        fixed={"max_length": 96, "teacher_batch_size": 48},
    )
    found = largest(plan)
    assert (found.depth, found.batch_size, found.max_length, found.teacher_batch_size) == (6, 64, 96, 48)


def test_what_is_estimated_of_a_small_task_is_what_is_known_once_it_is_built(workshop: Any) -> None:
    config = workshop.config()
    inputs = workshop.inputs(config)
    folder = inputs.base_folder
    known = known_extent(inputs)
    found = estimated_extent(workshop.task, read_config(folder), folder, config.max_length, False)
    assert (found.longest, found.classes, found.texts) == (known.longest, known.classes, known.texts)
    special = 5  # tokens that no text needs are kept as well
    assert found.vocabulary <= known.vocabulary <= found.vocabulary + special


def test_with_the_full_vocabulary_all_of_it_counts(workshop: Any) -> None:
    config = workshop.config()
    base = read_config(workshop.inputs(config).base_folder)
    whole = known_extent(workshop.inputs(config, full_vocabulary=True))
    assert whole.vocabulary == base.vocab_size
    folder = workshop.inputs(config).base_folder
    assert estimated_extent(workshop.task, base, folder, 128, True).vocabulary == base.vocab_size


def test_of_a_model_that_is_not_built_yet_the_most_is_taken(workshop: Any) -> None:
    base = read_config(workshop.inputs(workshop.config()).base_folder)
    found = estimated_extent(workshop.task, base, None, 128, False)
    assert (found.vocabulary, found.longest) == (base.vocab_size, 128)


def test_a_teacher_that_is_trained_here_needs_room_too_and_a_given_one_none(workshop: Any) -> None:
    inputs = workshop.inputs(workshop.config())
    base, extent = read_config(inputs.base_folder), known_extent(inputs)
    trained = need_of(workshop.config(), base, extent)
    assert trained.teacher_cpu is not None
    assert trained.teacher_cpu.host >= trained.cpu.host  # it has all layers
    assert need_of(workshop.config(teacher="f" * 64), base, extent).teacher_cpu is None


@pytest.mark.parametrize(
    ("need", "on_gpu", "complaint"),
    [
        ({"cpu": Peak(9 * GIB)}, False, "a student of depth 2 on 16 texts a step takes about 9.0 GiB"),
        ({"teacher_cpu": Peak(9 * GIB)}, False, "its teacher of depth 4 on 16 texts a step takes about"),
        ({"gpu": Peak(GIB, 5 * GIB)}, True, "a student of depth 2 on 16 texts a step takes about 5.6 GiB"),
        ({"teacher_gpu": Peak(GIB, 5 * GIB)}, True, "set a smaller teacher_batch_size or max_length"),
    ],
)
def test_what_has_no_room_is_refused_naming_what_would_have(
    workshop: Any, need: dict[str, Any], on_gpu: bool, complaint: str
) -> None:
    small: dict[str, Any] = {
        "cpu": Peak(GIB),
        "gpu": Peak(GIB, GIB),
        "teacher_cpu": None,
        "teacher_gpu": None,
    }
    machine = Machine(cpus=4, memory=8 * GIB, gpus=1, gpu_memory=5 * GIB)
    with pytest.raises(RequestError) as error:
        check_room(Need(workshop.config(), **small | need), machine, on_gpu, "this machine")
    assert complaint in str(error.value)
    assert str(error.value).startswith("memory: ")
    check_room(Need(workshop.config(), **small), machine, on_gpu, "this machine")


def test_a_gpu_whose_memory_is_not_known_refuses_nothing(workshop: Any) -> None:
    huge = Need(workshop.config(), Peak(GIB), Peak(GIB, 999 * GIB), None, None)
    check_room(huge, Machine(4, 8 * GIB, 1, None), True, "this machine")


@pytest.mark.parametrize(("cpus", "fits"), [(1, 3), (2, 2), (5, 0)])
def test_a_machine_fits_what_its_cpus_and_its_memory_do(cpus: float, fits: int) -> None:
    assert Machine(4, 10 * GIB).fits(cpus, memory=3 * GIB) == fits


def packed(machine: Machine, cpus: float, gpus: float, memory: int) -> int:
    """Trials placed one by one, as Ray places them, until no further trial has room."""
    free_cpus, free_memory = Fraction(str(machine.cpus)), machine.memory
    free_gpus = [Fraction(1)] * int(machine.gpus)
    count = 0
    while free_cpus >= Fraction(str(cpus)) and free_memory >= memory:
        wanted = [Fraction(1)] * int(gpus) if gpus >= 1 else [Fraction(str(gpus))] * (gpus > 0)
        for part in wanted:
            gpu = next((n for n, free in enumerate(free_gpus) if free >= part), None)
            if gpu is None:
                return count
            free_gpus[gpu] -= part
        free_cpus -= Fraction(str(cpus))
        free_memory -= memory
        count += 1
    return count


@given(
    st.builds(Machine, st.integers(0, 40), st.integers(0, 64), st.integers(0, 9)),
    st.integers(1, 80).map(lambda tenths: tenths / 10),
    st.integers(0, 3) | st.integers(500, 9_999).map(lambda parts: parts / 10_000),
    st.integers(0, 20),
)
def test_what_fits_on_a_machine_is_what_can_be_placed_there(
    machine: Machine, cpus: float, gpus: float, memory: int
) -> None:
    assert machine.fits(cpus, gpus, memory) == packed(machine, cpus, gpus, memory)


@pytest.mark.parametrize(("gib", "trials"), [(1, 45), (8, 8), (50, 1), (500, 1)])
def test_trials_share_a_gpu_with_headroom_and_never_take_more_than_one(gib: int, trials: int) -> None:
    share = gpu_fraction(Peak(GIB, gib * GIB), 80 * GIB)
    assert int(1 / share) == trials
    assert 1 - 1e-2 < trials * share <= 1


def test_this_machine_has_memory() -> None:
    assert this_machine().cpus >= 1
    assert GIB / 4 < this_machine().memory < 2**50
