"""Chromium as a reader's browser: pages, what they have asked for, and what they have complained about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

__all__ = ["BROWSER", "Tab", "chromium"]

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
SLOWLY = 60_000  # milliseconds that a page may take on a busy machine
NOT_OURS = ("/mlflow/users/current", "ResizeObserver loop", "> attribute ")
"""Errors of MLflow's UI itself: it asks servers who the user is, and draws charts that have no size yet."""


@contextmanager
def chromium() -> Iterator[Any]:
    """One browser for many pages."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        try:
            yield started
        finally:
            started.close()


class Tab:
    """A page of `browser`. `hosts`: all that it has asked; `broken`: the errors that it has met."""

    def __init__(self, browser: Any, height: int = 1100) -> None:
        self.page = browser.new_page(viewport={"width": 1600, "height": height})
        self.page.set_default_timeout(SLOWLY)
        self.hosts: set[str | None] = set()
        self.broken: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))
        self.page.on("pageerror", lambda error: self.broken.append(str(error)))
        self.page.on("console", self._listen)

    def _listen(self, message: Any) -> None:
        text = f"{message.text} ({message.location['url']})"
        if message.type == "error" and not any(known in text for known in NOT_OURS):
            self.broken.append(text)

    def open(self, link: str) -> Any:
        """The page at `link`."""
        self.page.goto(link)
        return self.page
