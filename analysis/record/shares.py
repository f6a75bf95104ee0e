"""What each of several sources holds of a study, and whether all of them hold shares of the same study."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.record.source import Source
from study.config import TrialConfig
from study.errors import RequestError

__all__ = [
    "IDENTITY",
    "MEASURED",
    "TRIAL_COLUMNS",
    "Share",
    "check_one_study",
    "first_said",
    "role",
    "seeds_of",
    "trials_of",
]

PHASES = ("teacher", "search", "confirm")
RANK = {"complete": 0, "diverged": 0, "pruned": 1, "failed": 2}
"""Of two runs of one key the lower rank counts. Pruning depends on other trials, and failing on luck."""
TRIAL_COLUMNS = [
    "key",
    "phase",
    "arm",
    "tuning",
    "outcome",
    "status",
    "run",
    "numerics",
    "after_test",
    "selected",
    "tried",
    "latency_on",
]
MEASURED = {
    "loss": "training_loss",
    "seconds": "seconds",
    "parameters": "parameters",
    "size_mb": "size_mb",
    "latency_ms": "latency_ms",
    "data_share": "data_share",
}
"""Metrics that are columns of `StudyRecord.trials`, where `loss` is the name of a hyperparameter."""
IDENTITY = ("task", "model", "model_layers", "teacher", "seed", "data_seed")
"""Hyperparameters that the request and the phase decide; they have no role in a study."""
ABOUT = ("git", "versions", "texts.train", "texts.validation", "texts.test")
"""What the run of the study records beside its plan: code, libraries, and how many texts the task has."""
UNDER_WAY = ("RUNNING", "SCHEDULED")
HOW_TUNED = ("sampler", "pruner")
"""Facts of the study that decide no number of a trial, so shares may differ in them."""


@dataclass(frozen=True)
class Share:
    """What one source holds: params, status and tags of the run of the study, params of its arms, its
    trials.
    """

    source: Source
    params: dict[str, str]
    status: str | None
    arms: dict[str, dict[str, str]]
    trials: pd.DataFrame
    ended: int = 0
    """The trials that had ended when the study was finished; 0 if the record does not show this."""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """How many trials that have ended are not in this record."""
        there = self.trials[(self.trials["phase"] != "teacher") & self.trials["outcome"].notna()]
        return max(0, self.ended - there["key"].nunique())

    @classmethod
    def read(cls, source: Source, name: str) -> Share:
        runs = source.runs().set_index("run")
        tags = _wide(source.tags()).reindex(runs.index)
        for tag in ("phase", "key", "arm", "outcome", "numerics", "selected", "tried", "latency_on"):
            runs[tag] = tags.get(f"kdstudy.{tag}")
        runs["tuning"] = pd.to_numeric(tags.get("kdstudy.tuning", 0), errors="coerce")
        runs["tuning"] = runs["tuning"].fillna(0).astype(int)  # a study with one tuning has no tag for it
        # if a trial runs again, the outcome on record is the outcome of the attempt before
        runs["outcome"] = runs["outcome"].where(~runs["status"].isin(UNDER_WAY))
        runs["number"] = pd.to_numeric(tags.get("kdstudy.number", np.nan), errors="coerce")
        runs = runs[runs["phase"].isin([*PHASES, "study", "arm"])].sort_values(["start", "key", "arm"])
        if runs.empty:
            raise RequestError(f"{name}: the MLflow experiment holds nothing of a study")
        params = _wide(source.params()).reindex(runs.index)
        own = list(runs.index[runs["phase"] == "study"])
        confirmed = runs.loc[(runs["phase"] == "confirm") & (runs["outcome"] == "complete"), "start"].min()
        runs["after_test"] = (runs["phase"] == "search") & (runs["start"] > confirmed)
        trials = runs[runs["phase"].isin(PHASES) & runs["key"].notna()]
        said = params.loc[trials.index].dropna(axis="columns", how="all")
        ours = {*runs.columns, *TRIAL_COLUMNS, *MEASURED.values(), "share"}
        known = [name for name in TrialConfig.model_fields if name in said]
        said = said[[*known, *(name for name in said if name not in {*known, *ours})]]
        return cls(
            source=source,
            params=_said(params, own[0]) if own else {},
            status=str(runs.loc[own[0], "status"]) if own else None,
            ended=_count(tags, own[0]) if own else 0,
            tags=_tags(tags, own[0]) if own else {},
            arms=_arms(runs[(runs["phase"] == "arm") & runs["arm"].notna()], params),
            trials=trials.drop(columns="name").join(said).reset_index(names="run"),
        )


def _count(tags: pd.DataFrame, run: Any) -> int:
    said = pd.to_numeric(tags.get("kdstudy.trials", pd.Series(dtype=object)), errors="coerce").get(run)
    return 0 if said is None or pd.isna(said) else int(said)


def _tags(tags: pd.DataFrame, run: Any) -> dict[str, str]:
    return {name.removeprefix("kdstudy."): text for name, text in _said(tags, run).items()}


def _arms(runs: pd.DataFrame, params: pd.DataFrame) -> dict[str, dict[str, str]]:
    """The params of the oldest run of each arm, in planned order: the runs are numbered by a tag.

    In records of older versions, the names of the runs begin with the numbers.
    """
    numbers = [re.match(r"(\d+) ", str(name)) for name in runs["name"]]
    named = pd.Series([float(number[1]) if number else np.inf for number in numbers], runs.index, dtype=float)
    order = np.argsort(runs["number"].fillna(named).to_numpy(), kind="stable")
    arms: dict[str, dict[str, str]] = {}
    for run, arm in runs["arm"].iloc[order].items():
        arms.setdefault(arm, _said(params, run))
    return arms


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows (run, name, value) as a table with a row for each run and a column for each name."""
    return rows.pivot(index="run", columns="name", values="value")


def _said(params: pd.DataFrame, run: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in params.loc[run].dropna().items()}


def first_said(said: Iterable[dict[str, str]]) -> dict[str, str]:
    """All params of all shares. If several shares have a param, the first one counts.

    The sampler and the pruner count only if all shares have the same: trials of several samplers together, or
    of an unknown sampler, must not be treated as drawn at random.
    """
    said, merged = list(said), dict[str, str]()
    for each in said:
        merged |= {name: text for name, text in each.items() if name not in merged}
    for name in HOW_TUNED:
        if len({each.get(name) for each in said}) > 1:
            del merged[name]
    return merged


def role(params: dict[str, str], role: str) -> dict[str, str]:
    named = {name.partition(".")[2]: text for name, text in params.items() if name.startswith(f"{role}.")}
    order = [*(name for name in TrialConfig.model_fields if name in named), *sorted(named)]
    return {name: named[name] for name in order}


def check_one_study(name: str, shares: Sequence[Share]) -> None:
    """Checks that the shares are shares of one study.

    Raises:
        RequestError: shares differ in a fact that decides the numbers of their trials, or in how they were
        tuned.
    """
    seen: dict[str, str] = {}
    for share in shares:
        facts = role(share.params, "fixed") | role(share.params, "nuisance")
        facts |= role(share.params, "varied")
        facts |= {fact: share.params[fact] for fact in IDENTITY if fact in share.params}
        for fact in ("task", "model"):  # if a share lacks the run of the study, its trials have these
            values = share.trials[fact].dropna().unique() if fact in share.trials else []
            facts |= {fact: str(values[0])} if len(values) else {}
        for fact, value in facts.items():
            if seen.setdefault(fact, value) != value:
                one, other = (v[:12] + "..." if len(v) == 64 else v or "none" for v in (seen[fact], value))
                raise RequestError(
                    f"{name}: these are shares of different studies: {fact}: {one} and {other}"
                )


def trials_of(shares: Sequence[Share], arms: Sequence[str]) -> pd.DataFrame:
    """One run for each trial of all shares, in the order of `StudyRecord.trials`. `share` is the number of
    its share.

    Arms have the order of `arms`; arms without a run of their own follow in the order of their start.
    `number` is the number of the trial in the ledger of its home; it is missing in records of older versions.
    """
    every = pd.concat([share.trials.assign(share=n) for n, share in enumerate(shares)], ignore_index=True)
    return _in_order(_once(every), [*arms, *every.sort_values(["start", "key"])["arm"].dropna()])


def _once(runs: pd.DataFrame) -> pd.DataFrame:
    """One run for each trial: the first run of the best rank."""
    first = np.argsort(runs["outcome"].map(RANK).fillna(len(RANK)).to_numpy(), kind="stable")
    return runs.iloc[first].drop_duplicates("key")


def _in_order(runs: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Runs by phase, arm, seed and number; if trials of an arm lack numbers, by start and then by key.

    The outbox creates runs later than the ledger proposes their trials, and perhaps in another order.
    """
    place = {arm: number for number, arm in enumerate(dict.fromkeys(arms))}
    by = pd.DataFrame(
        {
            "phase": runs["phase"].map(PHASES.index),
            "arm": runs["arm"].map(place).astype(float),
            "seed": seeds_of(runs).astype(float),
            "number": runs["number"],
            "start": runs["start"],
            "key": runs["key"],
        }
    )
    numbered = by["number"].notna().groupby([by["phase"], by["arm"]], dropna=False).transform("all")
    by["number"] = by["number"].where(numbered)
    return runs.loc[by.sort_values(list(by.columns)).index].reset_index(drop=True)


def seeds_of(runs: pd.DataFrame) -> pd.Series:
    if "seed" not in runs:
        return pd.Series(pd.NA, index=runs.index, dtype="Int64")
    return pd.to_numeric(runs["seed"], errors="coerce").round().astype("Int64")
