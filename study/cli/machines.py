"""What is wrong with the machines of a cluster, from what probes have seen there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from study.driver.probes import Seen

__all__ = ["ENOUGH_DISK", "Finding", "of_machines"]

ENOUGH_DISK = 5 * 2**30  # bytes; a study of small students takes far less
CLOCKS = 2.0  # seconds by which two clocks may differ: times in MLflow then still have their order
NAMES = 3  # machines that a line names


@dataclass(frozen=True)
class Finding:
    """One line of an examination: `note` is good to know, and `bad` stops a study.

    advice: what to do; empty if there is nothing to do.
    """

    verdict: Literal["ok", "note", "bad"]
    what: str
    found: str
    advice: str = ""


def of_machines(seen: Sequence[Seen]) -> Iterator[Finding]:
    """Yield what was found on the machines, a line for each thing that is examined."""
    for one in seen:
        if one.error:
            advice = "install kdstudy there, as it is installed here, and make the home writable"
            yield Finding("bad", "machine", f"{one.name}: {one.error}", advice)
    well = [one for one in seen if not one.error]
    if not well:
        return
    yield Finding("ok", "machines", f"{len(well)}: {_named(one.name for one in well)}")
    yield _versions(well)
    yield _gpus(well)
    yield _home(well)
    yield _disk(well)
    yield _clocks(well)
    yield _ports(well)
    yield _hub(well)
    slowest = max(well, key=lambda one: one.start)
    found = f"{slowest.start:.1f} s until a new worker has loaded what a trial loads, on {slowest.name}"
    yield Finding("ok", "time to first trial", found)


def _versions(seen: Sequence[Seen]) -> Finding:
    """All machines must have the same versions: they are part of a trial's numerics."""
    named: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in seen:
        for name, version in {**one.versions, "code": one.commit}.items():
            named[name][str(version)].append(one.name)
    differ = [
        f"{name} " + ", ".join(f"{version} on {_named(on)}" for version, on in versions.items())
        for name, versions in named.items()
        if len(versions) > 1
    ]
    if differ:
        advice = "install the same versions everywhere: pip install -c constraints.txt -e ."
        return Finding("bad", "versions", "; ".join(differ), advice)
    return Finding("ok", "versions", f"equal on all {len(seen)}" if len(seen) > 1 else "of one machine")


def _gpus(seen: Sequence[Seen]) -> Finding:
    """Ray places trials by its own count, and torch must see as many."""
    less = [one for one in seen if len(one.gpus) < one.of_ray]
    more = [one for one in seen if len(one.gpus) > one.of_ray]
    if less:
        lines = (f"{one.name}: torch sees {len(one.gpus)} of {one.of_ray:g}" for one in less)
        advice = "install the CUDA build of torch, and a driver that fits"
        return Finding("bad", "GPUs", "; ".join(lines), advice)
    if more:
        lines = (f"{one.name}: Ray has {one.of_ray:g} of {len(one.gpus)}" for one in more)
        return Finding("note", "GPUs", "; ".join(lines), "start Ray there with --num-gpus")
    kinds: dict[str, int] = defaultdict(int)
    for one in seen:
        for kind in one.gpus:
            kinds[kind] += 1
    if not kinds:
        return Finding("note", "GPUs", "none: trials run on CPU")
    return Finding("ok", "GPUs", ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))


def _home(seen: Sequence[Seen]) -> Finding:
    broken = [one for one in seen if one.home]
    apart = [one for one in seen if not one.home and not one.shared]
    if broken:
        lines = "; ".join(f"{one.name}: {one.home}" for one in broken)
        return Finding("bad", "home on machines", lines, "make the folder writable there")
    if apart:
        return Finding(
            "bad",
            "home on machines",
            f"not shared with {_named(one.name for one in apart)}",
            "give a --home that all machines share, or --storage-url, --ledger-url and --tracking-uri",
        )
    return Finding("ok", "home on machines", "writable and shared")


def _disk(seen: Sequence[Seen]) -> Finding:
    least, path, name = min((free, path, one.name) for one in seen for path, free in one.free.items())
    found = f"at least {least / 2**30:.1f} GiB: {path} on {name}"
    advice = "" if least >= ENOUGH_DISK else "free some, or set TMPDIR or --home to a larger disk"
    return Finding("note" if advice else "ok", "disk on machines", found, advice)


def _clocks(seen: Sequence[Seen]) -> Finding:
    off = [one for one in seen if abs(one.ahead) > CLOCKS]
    if off:
        lines = "; ".join(f"{one.name}: {one.ahead:+.1f} s" for one in off)
        return Finding("note", "clocks", lines, "run NTP there: times in MLflow are not in order")
    return Finding("ok", "clocks", f"within {CLOCKS:g} s")


def _ports(seen: Sequence[Seen]) -> Finding:
    cut = [one for one in seen if one.out_of_reach]
    if cut:
        lines = "; ".join(f"{one.name} does not reach {_named(one.out_of_reach)}" for one in cut)
        return Finding("bad", "ports", lines, "open the ports between the machines, and to nobody else")
    return Finding("ok", "ports", "each machine reaches the others" if len(seen) > 1 else "of one machine")


def _hub(seen: Sequence[Seen]) -> Finding:
    cut = [one.name for one in seen if one.hub == "out of reach"]
    if cut:
        advice = "export HF_HUB_OFFLINE=1 there, and give models and tasks as folders or by --storage-url"
        return Finding("note", "hub", f"out of reach of {_named(cut)}", advice)
    off = any(one.hub == "off" for one in seen)
    return Finding("ok", "hub", "switched off (HF_HUB_OFFLINE)" if off else "reached")


def _named(names: Iterable[str]) -> str:
    """Some names, and how many more there are."""
    all_names = list(names)
    more = f" and {len(all_names) - NAMES} more" if len(all_names) > NAMES else ""
    return ", ".join(all_names[:NAMES]) + more
