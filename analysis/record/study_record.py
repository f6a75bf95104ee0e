"""A study's MLflow experiment, in one home or in several, as tidy tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.record.domain import Domain, Value, parse_arm, parse_levels, parse_value
from analysis.record.shares import (
    IDENTITY,
    MEASURED,
    TRIAL_COLUMNS,
    Share,
    check_one_study,
    first_said,
    role,
    seeds_of,
    trials_of,
)
from analysis.record.source import Source, open_source
from study.config import TrialConfig
from study.selection import BestValidation

__all__ = ["StudyRecord", "read_studies", "read_study"]

SCORE_COLUMNS = ["key", "phase", "arm", "seed", "split", "metric", "language", "value"]
CURVE_COLUMNS = ["key", "phase", "arm", "seed", "step", "loss", "macro"]
SPLITS = ("validation", "test")
MACRO = "validation/accuracy/macro"


@dataclass(frozen=True)
class StudyRecord:
    """What is on record of a study. What was not measured has no row, or is missing in its row.

    arms: in their planned order. partial: the study's own run in MLflow is not FINISHED, or not there.
    scientific: factors and their levels in planned order; nuisance: where each was tuned; fixed: what was
    held, be it named by the space or one and the same in all trials; arm_params: what each arm's run says of
    it, values without effect included; facts: the other params of the study's run.

    trials: one row a teacher or trial, with its params as text, and the metrics training_loss, seconds and
    parameters. after_test: of a search trial, that it began when confirm runs had. Teachers stand first, then
    search, then confirm; by arm, seed, and in the ledger's order.
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
        """Key of each arm's best search trial, by the rule of `study.selection`.

        Of equal ones that is the first in the ledger's order. Studies of older versions do not record that
        order, and two homes have one each: so whichever was confirmed comes before the others.
        """
        scores = self.scores_of("search", "validation", "accuracy")
        macro = scores[scores["language"] == "macro"].set_index("key")["value"].to_dict()
        search = self.trials[(self.trials["phase"] == "search") & self.trials["arm"].notna()]
        order = np.arange(len(search)) + np.where(self._was_confirmed(search), 0, len(search))
        candidates = [
            _Candidate(key, arm, number, outcome, macro.get(key))
            for key, arm, number, outcome in zip(
                search["key"], search["arm"], order.tolist(), search["outcome"], strict=True
            )
        ]
        best = BestValidation().best_of_arms(candidates)
        return {arm: best[arm].key for arm in self.arms if arm in best}

    def _was_confirmed(self, search: pd.DataFrame) -> list[bool]:
        """Whether a confirm run of the arm has the values of each of these search trials."""
        said = [name for name in TrialConfig.model_fields if name in search and name not in IDENTITY]

        def values(trials: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
            return trials[["arm", *said]].fillna("").itertuples(index=False, name=None)

        confirmed = set(values(self.trials[self.trials["phase"] == "confirm"]))
        return [each in confirmed for each in values(search)]


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

    A trial that is in two of them counts once: what it scores is a pure function of its key. Of its runs
    the first that is complete or diverged counts, then the first that was pruned (whether one is depends on
    the other trials of its home), then the first that failed, then the first.

    Raises:
        RequestError: as `read_study`; and where the shares are of different tasks, models, ranges or values
            that are held, naming both.
    """
    return merge([open_source(uri, name) for uri, name in sources], sources[0][1])


def merge(sources: Sequence[Source], name: str) -> StudyRecord:
    """The study `name`, of which each of `sources` holds a share; see `read_studies`."""
    shares = [Share.read(source, name) for source in sources]
    check_one_study(name, shares)
    params = first_said(share.params for share in shares)
    arm_names = dict.fromkeys(arm for share in shares for arm in share.arms)
    arm_params = {arm: first_said(share.arms.get(arm, {}) for share in shares) for arm in arm_names}
    runs = trials_of(shares, list(arm_names))
    arms = tuple(dict.fromkeys([*arm_names, *runs["arm"].dropna()]))
    metrics = _gather(shares, runs, lambda source, ids: source.metrics(ids))
    scientific = _scientific([share.params for share in shares], arm_params, arms, runs)
    nuisance = {factor: Domain.parse(text) for factor, text in role(params, "nuisance").items()}
    record = StudyRecord(
        name=name,
        question=params.get("question", ""),
        arms=arms,
        partial=any(share.status != "FINISHED" for share in shares),
        scientific=scientific,
        nuisance=nuisance,
        fixed=_fixed(role(params, "fixed"), runs, scientific.keys() | nuisance.keys()),
        arm_params=arm_params,
        facts={fact: text for fact, text in params.items() if "." not in fact and fact != "question"},
        trials=_trial_table(runs, metrics),
        scores=_score_table(runs, metrics),
        curves=pd.DataFrame(columns=CURVE_COLUMNS),
    )
    shown = runs[(runs["phase"] == "confirm") | runs["key"].isin(list(record.best.values()))]
    history = _gather(shares, shown, lambda source, ids: source.history(ids, ["loss", MACRO]))
    return replace(record, curves=_curve_table(runs, history))


def _gather(
    shares: Sequence[Share], runs: pd.DataFrame, read: Callable[[Source, list[str]], pd.DataFrame]
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
    plans: Sequence[dict[str, str]],
    arm_params: dict[str, dict[str, str]],
    arms: Sequence[str],
    runs: pd.DataFrame,
) -> dict[str, tuple[Value, ...]]:
    """Factors and levels as planned; then those that only arms or trials show.

    A plan may be missing or cut off, and one home may have held what another one varied.
    """
    found: dict[str, list[Value]] = {}
    for plan in plans:
        for factor, text in role(plan, "scientific").items():
            found.setdefault(factor, []).extend(parse_levels(text))
    for arm in arms:
        of_run = {factor: parse_value(text) for factor, text in arm_params.get(arm, {}).items()}
        for factor, level in (of_run | parse_arm(arm)).items():
            if factor in found or factor in TrialConfig.model_fields:
                found.setdefault(factor, []).append(level)
    for factor in found.keys() & set(runs.columns):
        found[factor] += [parse_value(text) for text in runs[factor].dropna().unique()]
    return {factor: tuple(dict.fromkeys(levels)) for factor, levels in found.items()}


def _fixed(planned: dict[str, str], runs: pd.DataFrame, varied: Collection[str]) -> dict[str, str]:
    """As planned; and those that no role names and that were one and the same wherever they had an effect."""
    names = [n for n in TrialConfig.model_fields if n in runs and n not in {*planned, *IDENTITY}]
    values = {name: runs[name].dropna().unique() for name in names}
    held = planned | {name: str(one[0]) for name, one in values.items() if len(one) == 1}
    return {name: value for name, value in held.items() if name not in varied}


def _trial_table(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    hyper = [name for name in runs.columns if name not in {*TRIAL_COLUMNS, "number", "start", "share"}]
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
    of_run = runs[["key", "phase", "arm"]].assign(seed=seeds_of(runs))
    return of_run.iloc[at.to_numpy(int)].reset_index(drop=True)
