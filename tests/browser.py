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


def settle(page: Any, selector: str) -> None:
    """Waits until some elements have had the same place and size for ten frames in a row."""
    page.evaluate(
        """selector => document.fonts.ready.then(() => new Promise(done => {
            let last = "", still = 0;
            const look = () => {
                const places = [...document.querySelectorAll(selector)].map(element => {
                    const {x, y, width, height} = element.getBoundingClientRect();
                    const drawn = element._fullLayout;
                    return [x, y, width, height, drawn?.width, drawn?.height];
                });
                const now = JSON.stringify(places);
                still = now === last ? still + 1 : 0;
                last = now;
                still >= 10 ? done() : requestAnimationFrame(look);
            };
            look();
        }))""",
        selector,
    )


def click_figure(page: Any, selector: str, x: float, y: float) -> None:
    """Clicks a plotly figure at a place of its first axes, once it knows what is there."""
    place = page.evaluate(
        """([selector, x, y]) => {
            const element = document.querySelector(selector);
            element.scrollIntoView({block: 'center', behavior: 'instant'});
            const {xaxis, yaxis} = element._fullLayout;
            element._hoverdata = undefined;
            const box = element.getBoundingClientRect();
            const across = box.left + xaxis._offset + xaxis.l2p(x);
            return [across, box.top + yaxis._offset + yaxis.l2p(y)];
        }""",
        [selector, x, y],
    )
    page.mouse.move(*place)
    page.wait_for_function("s => document.querySelector(s)._hoverdata?.length", arg=selector)
    page.mouse.click(*place)
