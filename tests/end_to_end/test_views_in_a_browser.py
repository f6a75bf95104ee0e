"""MLflow's UI and Optuna's dashboard as readers see them, in a real browser.

One home has all: the finished study, a study with failures, a sweep, and one that runs while tests read it.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.request import urlopen

import pytest
from mlflow import MlflowClient

from study.home import Home
from study.tracking.page.charts import macro_of
from study.tracking.rows import best_of
from tests.benchmarks.large_study import NAME as WITH_FAILURES
from tests.benchmarks.large_study import LargeStudy, codes
from tests.browser import BROWSER, Tab, chromium
from tests.processes import COMMAND, Kdstudy, Running

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
]

RUNS_ON = """
from study.space import SearchSpace

SPACE = SearchSpace(
    question="What does a study look like while it runs?",
    scientific={"steps": (20, 1_000_000)},
    nuisance={"learning_rate": (1e-3, 2e-3)},
    fixed={
        "batch_size": 16,
        "teacher_steps": 120,
        "teacher_batch_size": 16,
        "teacher_learning_rate": 3e-3,
    },
    trials=2,
    confirm_seeds=0,
    reports=10_000,
    sampler="grid",
)
"""
VARIES = """
from study.space import Range, SearchSpace

SPACE = SearchSpace(
    question="What do alpha and depth do, and what does a student cost?",
    varied={"alpha": Range(low=0.0, high=1.0), "depth": (1, 2)},
    fixed={
        "steps": 20,
        "batch_size": 16,
        "teacher_steps": 120,
        "teacher_batch_size": 16,
        "teacher_learning_rate": 3e-3,
    },
    costs=("parameters",),
    trials=4,
    reports=1,
)
"""
DASHBOARD = COMMAND.with_name("optuna-dashboard")


@dataclass(frozen=True)
class Read:
    """The home, the study in it that runs, and what readers open: a link for each study."""

    home: Home
    running: Running
    links: dict[str, str]

    @property
    def url(self) -> str:
        return next(iter(self.links.values())).split("/#/")[0]

    def experiment(self, study: str) -> tuple[MlflowClient, str]:
        """A client, and the id of the experiment of `study`."""
        client = MlflowClient(self.home.tracking_uri)
        found = client.get_experiment_by_name(study)
        assert found is not None
        return client, str(found.experiment_id)

    def runs(self, study: str, key: str) -> set[str]:
        """The ids of the runs of the trial with this key: one, or two if an arm's trial is confirmed."""
        client, experiment = self.experiment(study)
        found = client.search_runs([experiment], f"tags.kdstudy.key = '{key}'")
        return {run.info.run_id for run in found}

    def run_link(self, study: str, query: str) -> str:
        """The link to the page of the first run of `study` that `query` finds."""
        client, experiment = self.experiment(study)
        run, *_ = client.search_runs([experiment], query, order_by=["tags.kdstudy.number"])
        return f"{self.url}/#/experiments/{experiment}/runs/{run.info.run_id}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def tab(browser: Any) -> Iterator[Tab]:
    """A page, which asks no other host and complains about nothing."""
    one = Tab(browser, height=2600)  # MLflow's UI draws the charts that are in sight
    yield one
    one.page.close()
    assert one.hosts <= {"127.0.0.1", None}  # None: what stands in the page itself
    assert one.broken == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def read(
    kdstudy: Kdstudy, finished: Any, asked: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Read]:
    home = Home(shutil.copytree(finished.home, tmp_path_factory.mktemp("read") / "home"))
    (home.root.parent / "runs_on.py").write_text(RUNS_ON)
    (home.root.parent / "varies.py").write_text(VARIES)
    varied = kdstudy("run", home.root.parent / "varies.py", *asked.plain, "--home", home.root)
    assert varied.code == 0, varied.err
    runs = ("run", home.root.parent / "runs_on.py", *asked.on, "--concurrency", "1")
    running = kdstudy.start(*runs, "--home", home.root)
    study = LargeStudy(300, codes(3), 4)
    study.write(home.root, list(islice(study.trials(), 48)))
    running.wait_until(lambda: running.done() >= 1)
    ui = kdstudy.start("ui", "--home", home.root, "--port", str(free_port()))
    ui.wait_until(lambda: "Application startup complete" in ui.stderr())
    links = dict(re.findall(r"^(\S+)  (http://\S+)$", ui.stderr(), re.MULTILINE))
    assert set(links) == {finished.name, WITH_FAILURES, "runs_on", "varies"}
    yield Read(home, running, links)
    for one in (ui, running):
        one.kill()


@pytest.fixture
def dashboard(read: Read, kdstudy: Kdstudy) -> Iterator[Callable[[str], str]]:
    """The address of Optuna's dashboard on the ledger of a study, once the dashboard listens."""
    started = []

    def start(study: str) -> str:
        port = free_port()
        one = kdstudy.start(read.home.urls(study)["ledger_url"], "--port", str(port), command=[DASHBOARD])
        started.append(one)
        one.wait_until(lambda: "Listening" in one.stderr())
        return f"http://127.0.0.1:{port}"

    yield start
    for one in started:
        one.kill()


def chart(page: Any, title: str) -> Any:
    """The chart with this title, once it is there."""
    card = page.locator('[data-testid="experiment-view-compare-runs-card"]')
    found = card.filter(has=page.get_by_text(title, exact=True)).first
    found.wait_for()
    return found


def filtered(page: Any, query: str, matching: int) -> None:
    """Let the page show the runs that `query` finds."""
    box = page.get_by_test_id("search-box")
    box.fill(query)
    box.press("Enter")
    page.get_by_text(f"{matching} matching run").first.wait_for()


def test_the_printed_link_shows_a_bar_for_each_arm_in_each_language(
    read: Read, tab: Tab, finished: Any
) -> None:
    page = tab.open(read.links[finished.name])
    for title in (
        best_of("accuracy"),
        *(f"test/accuracy/{language}" for language in ("macro", "worst", "deu")),
    ):
        bars = chart(page, title).locator(".bars .point")
        bars.first.wait_for()
        assert bars.count() == 2
    filtered(page, "tags.kdstudy.phase = 'arm' AND tags.kdstudy.arm = 'init=teacher'", 1)
    bars = chart(page, "test/accuracy/macro").locator(".bars .point")
    bars.nth(1).wait_for(state="detached")
    assert bars.count() == 1


def test_learning_curves_have_a_line_with_a_band_for_each_arm(read: Read, tab: Tab, finished: Any) -> None:
    page = tab.open(read.links[finished.name].replace("kdstudy-arms", "kdstudy-curves"))
    for title in ("validation/accuracy/macro", "validation/accuracy/worst", "loss"):
        lines = chart(page, title).locator(".scatterlayer .trace")
        lines.first.wait_for(state="attached")
        assert lines.count() >= 2


def test_the_search_is_drawn_and_ten_of_its_trials_are_compared(read: Read, tab: Tab) -> None:
    page = tab.open(read.links[WITH_FAILURES].replace("kdstudy-arms", "kdstudy-search"))
    chart(page, "Parallel Coordinates")
    chart(page, f"learning_rate vs. {macro_of('accuracy')}").locator(".point").first.wait_for()
    page.get_by_text("48 matching runs").wait_for()
    ticks = page.get_by_role("checkbox", name="Press Space to toggle row selection")
    for row in range(10):
        ticks.nth(row).check()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_text("Comparing 10 Runs").first.wait_for()


def test_a_sweep_shows_its_trials_against_what_is_varied_and_against_costs(read: Read, tab: Tab) -> None:
    macro = macro_of("accuracy")
    page = tab.open(read.links["varies"])
    for name in ("alpha", "depth"):
        dots = chart(page, f"{name} vs. {macro}").locator(".point")
        dots.first.wait_for()
        assert dots.count() == 4
    page = tab.open(read.links["varies"].replace("kdstudy-arms", "kdstudy-costs"))
    dots = chart(page, f"parameters vs. {macro}").locator(".point")
    dots.first.wait_for()
    assert dots.count() == 4


def test_retention_has_a_chart_for_each_language(read: Read, tab: Tab, finished: Any) -> None:
    page = tab.open(read.links[finished.name].replace("kdstudy-arms", "kdstudy-languages"))
    for title in ("test/accuracy/worst", "test/retention/macro", "test/retention/yor"):
        bars = chart(page, title).locator(".bars .point")
        bars.first.wait_for()
        assert bars.count() == 2


def test_failures_are_listed_by_outcome_with_their_reason(read: Read, tab: Tab) -> None:
    """The UI shows the trials themselves, and not the arms that they are in."""
    link = read.links[WITH_FAILURES].replace("&compareRunsMode=CHART", "")
    page = tab.open(link.replace("kdstudy-arms", "kdstudy-failures"))
    page.get_by_text("Group: failed").wait_for()
    page.get_by_text("Group: diverged").wait_for()
    page.get_by_text("ValueError: invented").wait_for()
    page.get_by_role("link", name="random d4 a0.2").first.click()
    page.get_by_text("Search trial of").first.wait_for()


def test_from_an_arm_a_reader_comes_to_its_description_and_its_best_trial(
    read: Read, tab: Tab, finished: Any
) -> None:
    page = tab.open(read.run_link(finished.name, "tags.kdstudy.phase = 'arm'"))
    page.get_by_text("4 of 4 trials have ended").first.wait_for()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Best search trial").click()
    opened.value.get_by_text("Search trial of").first.wait_for()


def test_the_report_opens_in_the_run_of_the_study(read: Read, tab: Tab, finished: Any) -> None:
    link = read.run_link(finished.name, "tags.kdstudy.phase = 'study'")
    page = tab.open(f"{link}/artifacts/report/report.html")
    report = page.frame_locator("iframe")
    report.get_by_text("Does a copied student beat a new one?").first.wait_for()
    report.locator("svg").first.wait_for(state="attached")


def test_optunas_dashboard_lists_the_arms_of_a_study_that_runs_and_names_the_runs_of_trials(
    read: Read, tab: Tab, dashboard: Callable[[str], str]
) -> None:
    url = dashboard("runs_on")
    tab.open(url).get_by_text("runs_on/search/steps=20").first.wait_for()
    assert set(studies_in(url)) == {"runs_on", "runs_on/search/steps=20", "runs_on/search/steps=1000000"}
    ended, *_ = trials_in(url, "runs_on/search/steps=20")
    assert (ended["arm"], ended["outcome"]) == ("steps=20", "complete")
    assert ended["mlflow_run_id"] in read.runs("runs_on", ended["key"])


def test_optunas_dashboard_has_every_trial_of_a_finished_study(
    read: Read, tab: Tab, dashboard: Callable[[str], str], finished: Any
) -> None:
    url, name = dashboard(finished.name), finished.name
    page = tab.open(url)
    page.get_by_text(f"{name}/confirm").first.wait_for()
    arms = [f"{name}/search/init={init}" for init in ("random", "teacher")]
    assert set(studies_in(url)) == {name, *arms, f"{name}/confirm"}
    ended = [trial for study in (*arms, f"{name}/confirm") for trial in trials_in(url, study)]
    assert len(ended) == 8
    for trial in ended:
        assert trial["outcome"] == "complete"
        assert trial["mlflow_run_id"] in read.runs(name, trial["key"])
    page.goto(f"{url}/dashboard/studies/{studies_in(url)[arms[0]]}")
    page.get_by_text(arms[0]).first.wait_for()


def studies_in(dashboard: str) -> dict[str, int]:
    """The studies that the dashboard itself shows: name -> id."""
    found = asked_of(dashboard, "studies", "study_summaries")
    return {one["study_name"]: one["study_id"] for one in found}


def trials_in(dashboard: str, study: str) -> list[dict[str, str]]:
    """The user attributes of each trial that the dashboard itself shows."""
    found = asked_of(dashboard, f"studies/{studies_in(dashboard)[study]}", "trials")
    return [{one["key"]: one["value"].strip('"') for one in trial["user_attrs"]} for trial in found]


def asked_of(dashboard: str, what: str, field: str) -> list[Any]:
    with urlopen(f"{dashboard}/api/{what}") as answer:
        return list(json.load(answer)[field])


def test_a_study_that_runs_shows_how_far_it_is_and_is_scheduled_when_it_is_stopped(
    read: Read, tab: Tab
) -> None:
    page = tab.open(read.links["runs_on"])
    chart(page, "best/validation/accuracy").locator(".bars .point").first.wait_for()
    link = read.run_link("runs_on", "tags.kdstudy.phase = 'study'")
    page = tab.open(link)
    page.get_by_text("not finished: 1 of 4 trials have ended, 1 running").first.wait_for()
    page.get_by_text("Running", exact=True).first.wait_for()
    read.running.process.send_signal(signal.SIGINT)
    assert read.running.finish(60).code == 130
    page.reload()
    page.get_by_text("not finished: 1 of 4 trials have ended.").first.wait_for()
    page.get_by_text("Scheduled", exact=True).first.wait_for()
