"""Findings about the machines of a cluster: what stops a study, what is worth knowing, what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from study.cli.machines import Finding, of_machines
from study.driver.probes import Seen

GIB = 2**30
ONE = Seen(
    "n1",
    start=4.0,
    versions={"python": "3.11.7", "torch": "2.13.0"},
    commit="abc",
    free={"/home": 100 * GIB, "/tmp": 50 * GIB},
    hub="reached",
)
OTHER = replace(ONE, name="n2", start=6.5)


def found(*seen: Seen) -> dict[str, Finding]:
    return {finding.what: finding for finding in of_machines(seen)}


def test_machines_that_are_alike_and_fit_have_nothing_bad() -> None:
    findings = found(ONE, OTHER)
    assert {f.what: f.verdict for f in findings.values() if f.verdict != "ok"} == {"GPUs": "note"}
    assert findings["machines"].found == "2: n1, n2"
    assert findings["time to first trial"].found.startswith("6.5 s ")
    assert findings["time to first trial"].found.endswith("on n2")


@pytest.mark.parametrize(
    ("changed", "what", "verdict", "says", "advice"),
    [
        ({"versions": {"torch": "2.12.0"}}, "versions", "bad", "2.12.0 on n2", "the same versions"),
        ({"commit": "abd"}, "versions", "bad", "code abc on n1, abd on n2", "the same versions"),
        ({"of_ray": 2.0, "gpus": ["H200"]}, "GPUs", "bad", "n2: torch sees 1 of 2", "CUDA build"),
        ({"gpus": ["H200"]}, "GPUs", "note", "n2: Ray has 0 of 1", "--num-gpus"),
        ({"home": "/h: Read-only file system"}, "home on machines", "bad", "n2: /h: Read-only", "writable"),
        ({"shared": False}, "home on machines", "bad", "not shared with n2", "--storage-url"),
        ({"free": {"/tmp": GIB}}, "disk on machines", "note", "1.0 GiB: /tmp on n2", "TMPDIR"),
        ({"ahead": -7.25}, "clocks", "note", "n2: -7.2 s", "NTP"),
        ({"out_of_reach": ["n1:8076"]}, "ports", "bad", "n2 does not reach n1:8076", "open the ports"),
        ({"hub": "out of reach"}, "hub", "note", "out of reach of n2", "HF_HUB_OFFLINE"),
    ],
)
def test_each_thing_that_is_wrong_has_a_line_that_says_what_to_do(
    changed: dict[str, Any], what: str, verdict: str, says: str, advice: str
) -> None:
    findings = found(ONE, replace(OTHER, **changed))
    others = {finding.what for finding in findings.values() if finding.verdict == "bad"} - {what}
    assert others == set()
    finding = findings[what]
    assert finding.verdict == verdict
    assert says in finding.found
    assert advice in finding.advice


def test_gpus_are_counted_by_kind() -> None:
    seen = [replace(one, gpus=["H200", "H200"], of_ray=2.0) for one in (ONE, OTHER)]
    assert found(*seen, replace(ONE, name="n3", gpus=["L4"], of_ray=1.0))["GPUs"].found == "4 H200, 1 L4"


def test_a_machine_without_an_answer_is_bad_and_the_others_are_examined() -> None:
    findings = list(of_machines([ONE, Seen("n2", "ModuleNotFoundError: No module named 'torch'")]))
    assert findings[0].verdict == "bad"
    assert findings[0].found == "n2: ModuleNotFoundError: No module named 'torch'"
    assert "install kdstudy" in findings[0].advice
    assert [finding.what for finding in findings[1:2]] == ["machines"]
    assert [f.what for f in of_machines([Seen("n1", "gone")])] == ["machine"]


def test_a_line_names_some_of_many_machines() -> None:
    many = [replace(ONE, name=f"n{number}") for number in range(1, 9)]
    assert found(*many)["machines"].found == "8: n1, n2, n3 and 5 more"
