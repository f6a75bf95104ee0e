"""What a machine is, and how much of it a process uses: numbers that are true, and missing if unknown."""

from __future__ import annotations

import os
import socket
import time

import pytest
import torch

from study.trial import machine
from study.trial.machine import Meter, machine_facts


def test_the_machine_is_named_without_its_user() -> None:
    found = machine_facts()
    assert found["host"] == socket.gethostname()
    assert found["cores"] == os.cpu_count()
    assert found["cpu"]
    assert 0 < found["memory_gib"] < 2**20
    assert ("gpu" in found) == torch.cuda.is_available()
    assert found.keys() <= {"host", "cpu", "cores", "memory_gib", "gpu", "gpus"}


def test_a_process_that_sleeps_uses_no_cpu_and_one_that_works_uses_a_core() -> None:
    meter = Meter()
    time.sleep(0.2)
    asleep = meter.sample()["process_cpu_percentage"]
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    busy = meter.sample()["process_cpu_percentage"]
    assert asleep < busy
    assert asleep < 60
    assert busy > 5  # on a busy machine this process waits for its turn


def test_memory_grows_with_what_the_process_holds() -> None:
    meter = Meter()
    before = meter.sample()["process_memory_megabytes"]
    held = b"x" * 50_000_000
    assert meter.sample()["process_memory_megabytes"] - before == pytest.approx(len(held) / 1e6, abs=10)


def test_of_a_gpu_its_memory_is_measured_and_its_use_only_if_the_drivers_library_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_library(number: int) -> float:
        raise ModuleNotFoundError("pynvml")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: (3_000_000_000, 4_000_000_000))
    monkeypatch.setattr(torch.cuda, "utilization", no_library)
    memory = {"gpu_0_memory_usage_megabytes": 1000.0, "gpu_0_memory_usage_percentage": 25.0}
    assert machine._gpus() == memory
    monkeypatch.setattr(torch.cuda, "utilization", lambda number: 70)
    assert machine._gpus() == memory | {"gpu_0_utilization_percentage": 70.0}


def test_a_sample_costs_less_than_a_millisecond() -> None:
    meter, began = Meter(), time.process_time()
    for _ in range(100):
        meter.sample()
    assert (time.process_time() - began) / 100 < 1e-3
