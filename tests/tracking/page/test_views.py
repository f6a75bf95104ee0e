"""Saved views: the form that MLflow's UI reads, within the length of a tag, the same text each time."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from typing import Any

import pytest

from study.planning.languages import OfTask
from study.planning.plan import ModelFacts, Plan
from study.space import Range, SearchSpace
from study.tracking.page.links import FIRST, LIST, TAG, run_link, runs_link, view_link, without_user
from study.tracking.page.view import has_views, view_tags
from study.tracking.page.views import views_of
from study.tracking.rows import LONGEST_TAG

LANGUAGES = ("yor", "deu", "hau")


def plan_of(**values: Any) -> Plan:
    space = SearchSpace(
        question="?",
        scientific={"init": ("random", "teacher")},
        nuisance={"learning_rate": Range(low=1e-4, high=1e-2, log=True)},
        trials=2,
        **values,
    )
    return Plan.make("demo", space, "a" * 64, ModelFacts("b" * 64, 12, 2e-4), "", {})


def state_of(tag: str) -> dict[str, Any]:
    """The state of the page that a view opens."""
    form, _, packed = json.loads(tag)["state"].partition(";")
    assert form == "deflate"
    found: dict[str, Any] = json.loads(zlib.decompress(b64decode(packed)))
    return found


@pytest.fixture
def states() -> dict[str, dict[str, Any]]:
    tags = view_tags(views_of(plan_of(), LANGUAGES), 1_700_000_000_000)
    return {name.removeprefix(TAG): state_of(tag) for name, tag in tags.items()}


def test_the_first_view_has_a_bar_chart_for_each_language_of_the_arms(states: dict[str, Any]) -> None:
    first = states[FIRST]
    assert next(iter(states)) == FIRST
    charts = first["compareRunCharts"]
    assert {chart["type"] for chart in charts} == {"BAR"}
    metrics = [chart["metricKey"] for chart in charts]
    assert [f"test/accuracy/{name}" for name in ("macro", "worst", "deu", "hau", "yor")] == [
        metric for metric in metrics if metric.startswith("test/")
    ]
    assert first["searchFilter"] == "tags.kdstudy.phase = 'arm'"
    assert first["groupBy"] is None


def test_learning_curves_are_grouped_by_arm(states: dict[str, Any]) -> None:
    curves = states["kdstudy-curves"]
    assert [chart["metricKey"] for chart in curves["compareRunCharts"]] == [
        "validation/accuracy/macro",
        "validation/accuracy/worst",
        "loss",
    ]
    assert curves["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "kdstudy.arm"}]


def test_failures_are_a_list_grouped_by_outcome_with_the_reasons(states: dict[str, Any]) -> None:
    failures = states["kdstudy-failures"]
    assert failures["compareRunCharts"] == []
    assert failures["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "kdstudy.outcome"}]
    assert "tags.`kdstudy.why`" in failures["selectedColumns"]


def test_the_search_shows_what_varied_against_validation_accuracy(states: dict[str, Any]) -> None:
    parallel, scatter = states["kdstudy-search"]["compareRunCharts"]
    assert parallel["selectedParams"] == ["init", "learning_rate"]
    assert parallel["selectedMetrics"] == [scatter["yaxis"]["key"]] == ["validation/accuracy/macro"]
    assert scatter["xaxis"]["key"] == "learning_rate"


def test_every_chart_stands_in_a_section_that_there_is(states: dict[str, Any]) -> None:
    for name, state in states.items():
        sections = {section["uuid"] for section in state["compareRunSections"]}
        assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == sections
        numbers = [chart["uuid"] for chart in state["compareRunCharts"]]
        assert len(numbers) == len(set(numbers))
        assert bool(sections) == (name != LIST)


def test_a_view_that_is_written_again_is_the_same_text() -> None:
    one, other = (view_tags(views_of(plan_of(), languages), 5) for languages in (LANGUAGES, LANGUAGES[::-1]))
    assert one == other


@pytest.mark.parametrize("languages", [52, 205, 2000])
def test_views_of_many_languages_fit_into_a_tag_and_say_what_is_left_out(languages: int) -> None:
    names = [f"l{number:04d}" for number in range(languages)]
    tags = view_tags(views_of(plan_of(), names), 5)
    assert max(map(len, tags.values())) <= LONGEST_TAG
    named = json.loads(tags[TAG + FIRST])["name"]
    shown = len(state_of(tags[TAG + FIRST])["compareRunCharts"])
    if shown == languages + 3:
        assert named == "Arms: test accuracy per language"
    else:
        assert named == f"Arms: test accuracy per language (the first {shown} of {languages + 3} charts)"
    assert (shown == languages + 3) == (languages < 2000)


@pytest.mark.parametrize(
    ("version", "has"), [("3.17.2", True), ("2.22.0", False), ("4.0.0", False), ("", False)]
)
def test_a_server_of_another_version_gets_no_views(version: str, has: bool) -> None:
    assert has_views(version) == has


def test_links_lead_to_the_page_of_model_training() -> None:
    runs = "http://host:5000/#/experiments/7/runs?workflowType=machine_learning"
    assert runs_link("http://host:5000/", "7") == runs
    assert view_link("http://host:5000", "7") == f"{runs}&compareRunsMode=CHART&viewStateShareKey={FIRST}"
    assert view_link("http://host:5000", "7", LIST) == f"{runs}&viewStateShareKey={LIST}"
    assert run_link("7", "abc") == "#/experiments/7/runs/abc?workflowType=machine_learning"


def test_a_link_has_no_password() -> None:
    assert without_user("https://me:secret@mlflow.example:8443/x") == "https://mlflow.example:8443/x"
    assert without_user("http://127.0.0.1:5000") == "http://127.0.0.1:5000"


def test_a_study_that_varies_something_shows_its_trials_against_what_differs() -> None:
    varied: dict[str, Any] = {"alpha": Range(low=0, high=1), "data_fraction": (0.1, 1.0)}
    tags = view_tags(views_of(plan_of(varied=varied), LANGUAGES), 5)
    states = {name.removeprefix(TAG): state_of(tag) for name, tag in tags.items()}
    first = states[FIRST]
    assert next(iter(states)) == FIRST
    assert first["searchFilter"] == "tags.kdstudy.phase = 'search'"
    trials = [states[name] for name in (FIRST, "kdstudy-languages", "kdstudy-curves")]
    assert {state["orderByKey"] for state in trials} == {"metrics.`validation/accuracy/macro`"}
    *scatters, parallel = first["compareRunCharts"]
    assert parallel["selectedParams"] == ["init", "alpha", "data_fraction", "learning_rate"]
    assert [chart["xaxis"]["key"] for chart in scatters] == parallel["selectedParams"]
    languages = states["kdstudy-languages"]["compareRunCharts"]
    assert {chart["xaxis"]["key"] for chart in languages} == {"data_fraction"}
    assert [chart["yaxis"]["key"].rpartition("/")[2] for chart in languages] == ["worst", "deu", "hau", "yor"]
    assert LIST in states


def test_a_study_with_costs_shows_its_front_and_its_search_against_every_cost() -> None:
    costs = ("latency_ms", "size_mb")
    tags = view_tags(views_of(plan_of(costs=costs), LANGUAGES), 5)
    states = {name.removeprefix(TAG): state_of(tag) for name, tag in tags.items()}
    assert next(iter(states)) == FIRST
    front, search = states["kdstudy-front"], states["kdstudy-costs"]
    assert front["searchFilter"] == "tags.kdstudy.phase = 'confirm'"
    assert front["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "kdstudy.tried"}]
    assert search["groupBy"] is None
    for state, score in ((front, "test/accuracy/macro"), (search, "validation/accuracy/macro")):
        charts = state["compareRunCharts"]
        assert [chart["xaxis"] for chart in charts] == [{"key": name, "type": "METRIC"} for name in costs]
        assert {chart["yaxis"]["key"] for chart in charts} == {score}
    without = view_tags(views_of(plan_of(costs=costs, confirm_seeds=0), LANGUAGES), 5)
    assert not any("kdstudy-front" in name for name in without)


def of_languages(*levels: str) -> Plan:
    scientific = {"init": ("random", "teacher"), "train_languages": levels}
    rate = {"learning_rate": Range(low=1e-4, high=1e-2, log=True)}
    space = SearchSpace(question="?", scientific=scientific, nuisance=rate, trials=2)
    facts = ModelFacts("b" * 64, 12, 2e-4)
    return Plan.make("demo", space, OfTask("a" * 64, LANGUAGES, LANGUAGES), facts, "", {})


def test_charts_of_unseen_languages_are_marked_and_groups_have_charts_of_their_own() -> None:
    first, curves, search, *_ = views_of(of_languages("deu", "hau"), LANGUAGES)
    titles = {chart["metricKey"]: chart.get("displayName") for chart in first.charts}
    assert titles["test/accuracy/yor"] == "accuracy yor (unseen)"
    assert titles["test/accuracy/deu"] == "accuracy deu (unseen in some arms)"
    for group in ("seen_macro", "unseen_macro"):
        assert f"test/accuracy/{group}" in titles
        assert f"validation/accuracy/{group}" in {chart["metricKey"] for chart in curves.charts}
    assert search.charts[0]["selectedMetrics"] == ["validation/accuracy/seen_macro"]


def test_a_search_with_students_of_all_languages_is_shown_on_all() -> None:
    _, _, search, *_ = views_of(of_languages("deu", "all"), LANGUAGES)
    assert search.charts[0]["selectedMetrics"] == ["validation/accuracy/macro"]
