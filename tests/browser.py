"""A headless Chromium that remembers what a page complained about and asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = shutil.which("chromium")
NO_CHROMIUM = "needs Debian's chromium"


@contextmanager
def launched() -> Iterator[Any]:
    """A browser; one a process, since playwright allows no second one beside it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextmanager
def opened_page(browser: Any, **context: Any) -> Iterator[Any]:
    """A page; ``page.problems`` holds its console errors, ``page.requests`` the addresses asked."""
    around = browser.new_context(**context)
    page = around.new_page()
    page.problems, page.requests = [], []
    page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda request: page.requests.append(request.url))
    yield page
    around.close()


def foreign_requests(page: Any, own: str) -> list[str]:
    """Addresses asked for that neither lie under ``own`` nor inside the page itself."""
    return [url for url in page.requests if not url.startswith((own, "data:", "blob:"))]


def click_figure(page: Any, selector: str, x: float, y: float) -> None:
    """Clicks a plotly figure at a place of its first axes."""
    place = page.evaluate(
        """([selector, x, y]) => {
            const element = document.querySelector(selector);
            element.scrollIntoView({block: 'center', behavior: 'instant'});
            const {xaxis, yaxis} = element._fullLayout;
            const box = element.getBoundingClientRect();
            const across = box.left + xaxis._offset + xaxis.l2p(x);
            return [across, box.top + yaxis._offset + yaxis.l2p(y)];
        }""",
        [selector, x, y],
    )
    page.mouse.move(*place)
    page.wait_for_timeout(200)
    page.mouse.click(*place)
