"""MLflow's UI as a reader sees it: the printed link, in a real browser, shows the arms at once."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
SLOWLY = 60_000  # milliseconds that a page may take on a busy machine

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        yield started
        started.close()


class Page:
    """A page, and what it has asked for and complained about."""

    def __init__(self, browser: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1600, "height": 1100})
        self.hosts: set[str] = set()
        self.broken: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        self.page.on("pageerror", lambda error: self.broken.append(str(error)))

    def open(self, link: str) -> Any:
        self.page.goto(link)
        return self.page


@pytest.fixture
def page(browser: Any) -> Iterator[Page]:
    one = Page(browser)
    yield one
    one.page.close()


@pytest.fixture
def ui(kdstudy: Any) -> Callable[[Path], dict[str, str]]:
    """Starts `kdstudy ui` on a home; returns the link that it prints for each study."""

    def start(home: Path) -> dict[str, str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        running = kdstudy.start("ui", "--home", home, "--port", str(port))
        running.wait_until(lambda: "Application startup complete" in running.stderr(), timeout=120)
        found = re.findall(r"^(\S+)  (http://\S+)$", running.stderr(), re.MULTILINE)
        assert found
        return dict(found)

    return start


def test_the_printed_link_shows_a_bar_for_each_arm_in_each_language(
    ui: Any, page: Page, finished: Any
) -> None:
    link = ui(finished.home)[finished.name]
    shown = page.open(link)
    first = shown.locator("svg.main-svg .bars .point")
    first.first.wait_for(timeout=SLOWLY)
    for language in ("macro", "worst", "deu"):
        shown.get_by_text(f"test/accuracy/{language}", exact=True).first.wait_for(timeout=SLOWLY)
    chart = shown.locator("svg.main-svg", has=shown.locator(".bars")).first
    assert chart.locator(".bars .point").count() == 2
    assert page.hosts == {link.split("/")[2]}
    assert page.broken == []


def test_learning_curves_have_a_line_with_a_band_for_each_arm(ui: Any, page: Page, finished: Any) -> None:
    link = ui(finished.home)[finished.name]
    shown = page.open(link.replace("kdstudy-arms", "kdstudy-curves"))
    shown.locator("svg.main-svg .scatterlayer .trace").first.wait_for(timeout=SLOWLY)
    shown.get_by_text("validation/accuracy/macro").first.wait_for(timeout=SLOWLY)
    chart = shown.locator("svg.main-svg", has=shown.locator(".scatterlayer .trace")).first
    assert chart.locator(".scatterlayer .trace").count() >= 2


def test_from_an_arm_a_reader_comes_to_its_description_and_its_best_trial(
    ui: Any, page: Page, finished: Any
) -> None:
    link = ui(finished.home)[finished.name]
    client = MlflowClient(f"sqlite:///{finished.home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(finished.name)
    assert experiment is not None
    (arm, *_) = client.search_runs([experiment.experiment_id], "tags.kdstudy.phase = 'arm'")
    url = link.split("/#/")[0]
    shown = page.open(f"{url}/#/experiments/{experiment.experiment_id}/runs/{arm.info.run_id}")
    shown.get_by_text("4 of 4 trials have ended").first.wait_for(timeout=SLOWLY)
    with shown.expect_popup() as opened:
        shown.get_by_role("link", name="Best search trial").click()
    opened.value.get_by_text("Search trial of").first.wait_for(timeout=SLOWLY)
