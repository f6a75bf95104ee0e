"""Reads the record of a study from its MLflow experiment, in one home or in several."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import pandas as pd

from analysis.record.domain import Domain, Value, parse_arm, parse_levels, parse_value
from analysis.record.metric import curves_of
from analysis.record.shares import (
    ABOUT,
    IDENTITY,
    Share,
    check_one_study,
    first_said,
    role,
    trials_of,
)
from analysis.record.source import Source, open_source
from analysis.record.study_record import StudyRecord
from analysis.record.tables import CURVE_COLUMNS, curve_table, score_table, trial_table
from analysis.record.texts import answers_of, text_counts
from analysis.record.unseen import unseen_languages
from study.config import TrialConfig
from study.errors import RequestError

__all__ = ["merge", "read_studies", "read_study"]


def read_study(tracking_uri: str, name: str) -> StudyRecord:
    """Reads the experiment `name`.

    Raises:
        RequestError: there is no such experiment, it holds nothing of a study, or MLflow does not answer.
    """
    return read_studies([(tracking_uri, name)])


def read_studies(sources: Sequence[tuple[str, str]]) -> StudyRecord:
    """Reads one study of which several homes hold a share: (tracking URI, experiment's name) of each.

    A trial that is in two homes counts once: its scores are a pure function of its key. Of its runs, the
    first run that is complete or diverged counts; without such a run, the first pruned run (pruning depends
    on the other trials of a home); then the first failed run; then the first run.

    Raises:
        RequestError: as for `read_study`; or the shares are of different tasks, models, ranges or held
            values. The message names both.
    """
    return merge([open_source(uri, name) for uri, name in sources], sources[0][1])


def merge(sources: Sequence[Source], name: str) -> StudyRecord:
    """Reads the study `name`, of which each of `sources` holds a share; see `read_studies`."""
    shares = [Share.read(source, name) for source in sources]
    check_one_study(name, shares)
    params = first_said(share.params for share in shares)
    arm_names = dict.fromkeys(arm for share in shares for arm in share.arms)
    arm_params = {arm: first_said(share.arms.get(arm, {}) for share in shares) for arm in arm_names}
    runs = trials_of(shares, list(arm_names))
    arms = tuple(dict.fromkeys([*arm_names, *runs["arm"].dropna()]))
    metrics = _gather(shares, runs, lambda source, ids: source.metrics(ids))
    scientific = _scientific([share.params for share in shares], arm_params, arms, runs)
    nuisance, varied = (
        {factor: Domain.parse(text) for factor, text in role(params, kind).items()}
        for kind in ("nuisance", "varied")
    )
    record = StudyRecord(
        name=name,
        question=params.get("question", ""),
        arms=arms,
        partial=any(share.status != "FINISHED" or share.missing for share in shares),
        missing=sum(share.missing for share in shares),
        scientific=scientific,
        nuisance=nuisance,
        varied=varied,
        fixed=_fixed(role(params, "fixed"), runs, scientific.keys() | nuisance.keys() | varied.keys()),
        arm_params=arm_params,
        facts={fact: text for fact, text in params.items() if "." not in fact and fact != "question"},
        trials=trial_table(runs, metrics),
        scores=score_table(runs, metrics),
        curves=pd.DataFrame(columns=CURVE_COLUMNS),
        tags=first_said(share.tags for share in shares),
        about=_about(shares),
        readers=_readers(shares, params.get("task")),
        text_counts=text_counts(metrics),
        answers=answers_of(shares, runs, metrics),
        unseen=unseen_languages(runs, metrics),
    )
    shown = runs[(runs["phase"] == "confirm") | runs["key"].isin(list(record.best.values()))]
    curves = curves_of(record.metric)
    history = _gather(shares, shown, lambda source, ids: source.history(ids, list(curves.values())))
    return replace(record, curves=curve_table(runs, history, curves))


def _readers(shares: Sequence[Share], task: str | None) -> dict[str, int] | None:
    """The confirm runs on `task` of other studies, counted for each study; each run counts once."""
    if task is None:
        return None
    try:
        found = pd.concat([share.source.readers(task) for share in shares], ignore_index=True)
    except RequestError:  # a server may hide the experiments of other users
        return None
    ours = {share.tags.get("study") for share in shares}
    others = found[~found["study"].isin(ours)].drop_duplicates("run")
    return {str(name): int(count) for name, count in others.groupby("name", sort=True).size().items()}


def _about(shares: Sequence[Share]) -> dict[str, str]:
    """Each tag of `ABOUT`; different values are joined."""
    said = {name: [share.tags[name] for share in shares if name in share.tags] for name in ABOUT}
    return {name: "; ".join(dict.fromkeys(texts)) for name, texts in said.items() if texts}


def _gather(
    shares: Sequence[Share], runs: pd.DataFrame, read: Callable[[Source, list[str]], pd.DataFrame]
) -> pd.DataFrame:
    """The rows that `read` returns for `runs`, from their sources. `at`: the place of a run in `runs`."""
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
    """Factors and levels as planned, and then factors and levels that only arms or trials show.

    A plan may be missing or cut off, and a home may vary a hyperparameter that another home holds.
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
    """Held values as planned, and hyperparameters without a role that have one value in all trials."""
    names = [n for n in TrialConfig.model_fields if n in runs and n not in {*planned, *IDENTITY}]
    values = {name: runs[name].dropna().unique() for name in names}
    held = planned | {name: str(one[0]) for name, one in values.items() if len(one) == 1}
    return {name: value for name, value in held.items() if name not in varied}
