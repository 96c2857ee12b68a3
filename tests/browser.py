"""A headless Chromium that remembers what a page complained about and asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = shutil.which("chromium")
NO_CHROMIUM = "needs Debian's chromium"


@contextmanager
def opened_page(**context: Any) -> Iterator[Any]:
    """A page; ``page.problems`` holds its console errors, ``page.requests`` the addresses asked."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(**context).new_page()
        page.problems, page.requests = [], []
        page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        yield page
        browser.close()


def foreign_requests(page: Any, own: str) -> list[str]:
    """Addresses asked for that neither lie under ``own`` nor inside the page itself."""
    return [url for url in page.requests if not url.startswith((own, "data:", "blob:"))]
