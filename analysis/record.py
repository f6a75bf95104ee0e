"""A study's MLflow experiment, in one home or in several, as tidy tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.domain import Domain, Value, parse_arm, parse_levels, parse_value
from analysis.source import Source, open_source
from study.config import RequestError, TrialConfig
from study.selection import BestValidation

__all__ = ["StudyRecord", "read_studies", "read_study"]

PHASES = ("teacher", "search", "confirm")
TRIAL_COLUMNS = ["key", "phase", "arm", "outcome", "status", "run"]
SCORE_COLUMNS = ["key", "phase", "arm", "seed", "split", "metric", "language", "value"]
CURVE_COLUMNS = ["key", "phase", "arm", "seed", "step", "loss", "macro"]
MEASURED = {"loss": "training_loss", "seconds": "seconds", "parameters": "parameters"}
"""Metrics that are columns of `trials`; `loss` is a hyperparameter there."""
SPLITS = ("validation", "test")
MACRO = "validation/accuracy/macro"
IDENTITY = ("task", "model", "model_layers", "teacher", "seed", "data_seed")
"""Hyperparameters that the request and the phase decide; they have no role in a study."""


@dataclass(frozen=True)
class StudyRecord:
    """What is on record of a study. What was not measured has no row, or is missing in its row.

    arms: in their planned order. partial: the study's own run in MLflow is not FINISHED, or not there.
    scientific: factors and their levels in planned order; nuisance: where each was tuned; fixed: what was
    held, be it named by the space or one and the same in all trials; arm_params: what each arm's run says of
    it, values without effect included; facts: the other params of the study's run.

    trials: one row a teacher or trial, with its params as text, and the metrics training_loss, seconds and
    parameters. Teachers stand first, then search, then confirm; by arm, seed, and when they were started.
    scores: one row a (trial, split, metric, language), the last value; `macro` and `worst` are rows of their
    own. curves: one row a report of the confirm runs and of each arm's best search trial: training loss, and
    macro accuracy on validation. Both stand in the order of `trials`.
    """

    name: str
    question: str
    arms: tuple[str, ...]
    partial: bool
    scientific: dict[str, tuple[Value, ...]]
    nuisance: dict[str, Domain]
    fixed: dict[str, str]
    arm_params: dict[str, dict[str, str]]
    facts: dict[str, str]
    trials: pd.DataFrame
    scores: pd.DataFrame
    curves: pd.DataFrame

    def scores_of(self, phase: str, split: str, metric: str) -> pd.DataFrame:
        s = self.scores
        return s[(s["phase"] == phase) & (s["split"] == split) & (s["metric"] == metric)]

    @cached_property
    def best(self) -> dict[str, str]:
        """Key of each arm's best search trial, by the rule of `study.selection`."""
        scores = self.scores_of("search", "validation", "accuracy")
        macro = scores[scores["language"] == "macro"].set_index("key")["value"].to_dict()
        search = self.trials[(self.trials["phase"] == "search") & self.trials["arm"].notna()]
        candidates = [
            _Candidate(key, arm, number, outcome, macro.get(key))
            for number, (key, arm, outcome) in enumerate(
                zip(search["key"], search["arm"], search["outcome"], strict=True)
            )
        ]
        best = BestValidation().best_of_arms(candidates)
        return {arm: best[arm].key for arm in self.arms if arm in best}


class _Candidate(NamedTuple):
    """A search trial as the selection rule sees it."""

    key: str
    arm: str
    number: int
    outcome: str | None
    value: float | None


def read_study(tracking_uri: str, name: str) -> StudyRecord:
    """Read the experiment `name`.

    Raises:
        RequestError: where there is none, where it holds nothing of a study, or MLflow does not answer.
    """
    return read_studies([(tracking_uri, name)])


def read_studies(sources: Sequence[tuple[str, str]]) -> StudyRecord:
    """Read one study of which several homes hold a share: (tracking URI, experiment's name) of each.

    A trial that is in two of them counts once: it is a pure function of its key. Of its runs the first that
    ended by itself counts, then the first that failed, then the first.

    Raises:
        RequestError: as `read_study`; and where the shares are of different tasks, models, ranges or values
            that are held, naming both.
    """
    return merge([open_source(uri, name) for uri, name in sources], sources[0][1])


def merge(sources: Sequence[Source], name: str) -> StudyRecord:
    """The study `name`, of which each of `sources` holds a share; see `read_studies`."""
    shares = [_Share.read(source, name) for source in sources]
    _check_one_study(name, shares)
    params = _first(share.params for share in shares)
    arm_names = dict.fromkeys(arm for share in shares for arm in share.arms)
    arm_params = {arm: _first(share.arms.get(arm, {}) for share in shares) for arm in arm_names}
    every = pd.concat([share.trials.assign(share=n) for n, share in enumerate(shares)], ignore_index=True)
    arms = tuple(dict.fromkeys([*arm_names, *every.sort_values(["start", "key"])["arm"].dropna()]))
    runs = _in_order(_once(every), arms)
    metrics = _gather(shares, runs, lambda source, ids: source.metrics(ids))
    scientific = _scientific([share.params for share in shares], arms, arm_params)
    nuisance = {factor: Domain.parse(text) for factor, text in _role(params, "nuisance").items()}
    record = StudyRecord(
        name=name,
        question=params.get("question", ""),
        arms=arms,
        partial=any(share.status != "FINISHED" for share in shares),
        scientific=scientific,
        nuisance=nuisance,
        fixed=_role(params, "fixed") | _held(runs, scientific.keys() | nuisance.keys()),
        arm_params=arm_params,
        facts={fact: text for fact, text in params.items() if "." not in fact and fact != "question"},
        trials=_trial_table(runs, metrics),
        scores=_score_table(runs, metrics),
        curves=pd.DataFrame(columns=CURVE_COLUMNS),
    )
    shown = runs[(runs["phase"] == "confirm") | runs["key"].isin(list(record.best.values()))]
    history = _gather(shares, shown, lambda source, ids: source.history(ids, ["loss", MACRO]))
    return replace(record, curves=_curve_table(runs, history))


@dataclass(frozen=True)
class _Share:
    """What one source holds: params and status of the study's own run, params of its arms', its trials'."""

    source: Source
    params: dict[str, str]
    status: str | None
    arms: dict[str, dict[str, str]]
    trials: pd.DataFrame

    @classmethod
    def read(cls, source: Source, name: str) -> _Share:
        runs = source.runs().set_index("run")
        tags = _wide(source.tags()).reindex(runs.index)
        for tag in ("phase", "key", "arm", "outcome"):
            runs[tag] = tags.get(f"kdstudy.{tag}")
        runs = runs[runs["phase"].isin([*PHASES, "study", "arm"])].sort_values(["start", "key", "arm"])
        if runs.empty:
            raise RequestError(f"{name}: the MLflow experiment holds nothing of a study")
        params = _wide(source.params()).reindex(runs.index)
        own = list(runs.index[runs["phase"] == "study"])
        trials = runs[runs["phase"].isin(PHASES) & runs["key"].notna()]
        said = params.loc[trials.index].dropna(axis="columns", how="all")
        ours = {*runs.columns, *TRIAL_COLUMNS, *MEASURED.values(), "share"}
        known = [name for name in TrialConfig.model_fields if name in said]
        said = said[[*known, *(name for name in said if name not in {*known, *ours})]]
        return cls(
            source=source,
            params=_said(params, own[0]) if own else {},
            status=str(runs.loc[own[0], "status"]) if own else None,
            arms=_arms(runs[(runs["phase"] == "arm") & runs["arm"].notna()], params),
            trials=trials.drop(columns="name").join(said).reset_index(names="run"),
        )


def _arms(runs: pd.DataFrame, params: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Params of each arm's oldest run, in planned order: their names begin with numbers."""
    numbers = [re.match(r"(\d+) ", str(name)) for name in runs["name"]]
    order = np.argsort([float(number[1]) if number else np.inf for number in numbers], kind="stable")
    arms: dict[str, dict[str, str]] = {}
    for run, arm in runs["arm"].iloc[order].items():
        arms.setdefault(arm, _said(params, run))
    return arms


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows (run, name, value) as a row a run and a column a name."""
    return rows.pivot(index="run", columns="name", values="value")


def _said(params: pd.DataFrame, run: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in params.loc[run].dropna().items()}


def _first(said: Iterable[dict[str, str]]) -> dict[str, str]:
    """All that is said, in the words of the first who says it."""
    merged: dict[str, str] = {}
    for each in said:
        merged |= {name: text for name, text in each.items() if name not in merged}
    return merged


def _role(params: dict[str, str], role: str) -> dict[str, str]:
    named = {name.partition(".")[2]: text for name, text in params.items() if name.startswith(f"{role}.")}
    order = [*(name for name in TrialConfig.model_fields if name in named), *sorted(named)]
    return {name: named[name] for name in order}


def _check_one_study(name: str, shares: Sequence[_Share]) -> None:
    """Raises:
    RequestError: where shares differ in what decides the numbers of their trials, or how they were tuned.
    """
    seen: dict[str, str] = {}
    for share in shares:
        facts = _role(share.params, "fixed") | _role(share.params, "nuisance")
        facts |= {fact: share.params[fact] for fact in IDENTITY if fact in share.params}
        for fact in ("task", "model"):  # of a share without a run of its own the trials say it
            values = share.trials[fact].dropna().unique() if fact in share.trials else []
            facts |= {fact: str(values[0])} if len(values) else {}
        for fact, value in facts.items():
            if seen.setdefault(fact, value) != value:
                one, other = (v[:12] + "..." if len(v) == 64 else v or "none" for v in (seen[fact], value))
                raise RequestError(
                    f"{name}: these are shares of different studies: {fact}: {one} and {other}"
                )


def _once(runs: pd.DataFrame) -> pd.DataFrame:
    """One run a trial: the first that ended by itself, else the first that failed, else the first."""
    rank = np.where(runs["outcome"].isna(), 2, runs["outcome"] == "failed")
    first = np.argsort(rank, kind="stable")
    return runs.iloc[first].drop_duplicates("key")


def _in_order(runs: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """By phase, arm, seed and start; of runs that were started in the same millisecond by key."""
    place = {arm: number for number, arm in enumerate(arms)}
    by = pd.DataFrame(
        {
            "phase": runs["phase"].map(PHASES.index),
            "arm": runs["arm"].map(place).astype(float),
            "seed": _seeds(runs).astype(float),
            "start": runs["start"],
            "key": runs["key"],
        }
    )
    return runs.loc[by.sort_values(list(by.columns)).index].reset_index(drop=True)


def _seeds(runs: pd.DataFrame) -> pd.Series:
    if "seed" not in runs:
        return pd.Series(pd.NA, index=runs.index, dtype="Int64")
    return pd.to_numeric(runs["seed"], errors="coerce").round().astype("Int64")


def _gather(
    shares: Sequence[_Share], runs: pd.DataFrame, read: Callable[[Source, list[str]], pd.DataFrame]
) -> pd.DataFrame:
    """What `read` finds of `runs` in the sources that they are from; `at` is a run's place among them."""
    found = []
    for number, share in enumerate(shares):
        of_share = runs[runs["share"] == number]
        rows = read(share.source, list(of_share["run"]))
        at = of_share.index[pd.Index(of_share["run"]).get_indexer(rows["run"])]
        found.append(rows.drop(columns="run").assign(at=at).astype({"value": float}))
    return pd.concat(found, ignore_index=True)


def _scientific(
    plans: Sequence[dict[str, str]], arms: Sequence[str], arm_params: dict[str, dict[str, str]]
) -> dict[str, tuple[Value, ...]]:
    """Factors and levels as planned; then those that only the arms show: a plan may be missing or cut off."""
    found: dict[str, list[Value]] = {}
    for plan in plans:
        for factor, text in _role(plan, "scientific").items():
            found.setdefault(factor, []).extend(parse_levels(text))
    for arm in arms:
        of_run = {factor: parse_value(text) for factor, text in arm_params.get(arm, {}).items()}
        for factor, level in (of_run | parse_arm(arm)).items():
            if factor in found or factor in TrialConfig.model_fields:
                found.setdefault(factor, []).append(level)
    return {factor: tuple(dict.fromkeys(levels)) for factor, levels in found.items()}


def _held(runs: pd.DataFrame, varied: Collection[str]) -> dict[str, str]:
    """Hyperparameters that no role names and that were one and the same wherever they had an effect."""
    names = [n for n in TrialConfig.model_fields if n in runs and n not in {*varied, *IDENTITY}]
    values = {name: runs[name].dropna().unique() for name in names}
    return {name: str(one[0]) for name, one in values.items() if len(one) == 1}


def _trial_table(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    hyper = [name for name in runs.columns if name not in {*TRIAL_COLUMNS, "start", "share"}]
    table = runs[[*TRIAL_COLUMNS, *hyper]].copy()
    for metric, column in MEASURED.items():
        values = metrics[metrics["name"] == metric].set_index("at")["value"]
        table[column] = values.reindex(table.index)
    return table


def _score_table(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    names = pd.Index(metrics["name"].unique()).sort_values()
    parts = [name.split("/", 2) for name in names]
    scored = [len(part) == 3 and part[0] in SPLITS for part in parts]
    names, parts = names[scored], [part for part, is_score in zip(parts, scored, strict=True) if is_score]
    code = names.get_indexer(metrics["name"])
    rows = metrics[code >= 0].assign(code=code[code >= 0]).sort_values(["at", "code"])
    of_name = pd.DataFrame(parts, columns=["split", "metric", "language"], dtype=str)
    table = _identity(runs, rows["at"])
    for column in of_name:
        table[column] = of_name[column].array.take(rows["code"])
    table["value"] = rows["value"].to_numpy(float)
    return table[SCORE_COLUMNS]


def _curve_table(runs: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    wide = history.pivot(index=["at", "step"], columns="name", values="value").sort_index().reset_index()
    table = _identity(runs, wide["at"])
    table["step"] = wide["step"].to_numpy(int)
    for column, metric in (("loss", "loss"), ("macro", MACRO)):
        table[column] = wide[metric].to_numpy(float) if metric in wide else np.nan
    return table[CURVE_COLUMNS]


def _identity(runs: pd.DataFrame, at: pd.Series) -> pd.DataFrame:
    """Whose the rows `at` are: key, phase, arm, seed."""
    of_run = runs[["key", "phase", "arm"]].assign(seed=_seeds(runs))
    return of_run.iloc[at.to_numpy(int)].reset_index(drop=True)
