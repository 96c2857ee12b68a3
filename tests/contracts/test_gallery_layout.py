"""Every figure of the gallery in a real browser: no text is cut off or overlaps, at any width."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import pytest

from interp import figures
from interp.analysis.measures import MEASURES
from tests.browser import CHROMIUM, NO_CHROMIUM, opened_page, settle
from tests.contracts.test_measures import first_result, quiet
from tests.test_figure_layout import COLLISIONS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM),
    pytest.mark.usefixtures("unchecked"),
]


@pytest.fixture(scope="module")
def gallery(subjects: dict[str, Any]) -> dict[str, go.Figure]:
    """A figure of each class of results that a measure gives."""
    found: dict[str, go.Figure] = {}
    for name in MEASURES:
        result = first_result(name, subjects)
        kind = type(result).__name__
        if kind not in found:
            with quiet():
                drawn = result.plot()
            if any(trace.x is None or len(trace.x) for trace in drawn.data):
                found[kind] = drawn
    found["Run"] = figures.training_curves(subjects["MLP"])
    return found


def collisions(page: Any, names: list[str]) -> dict[str, list[str]]:
    """Text that overlaps or is cut off, by the name of the figure."""
    settle(page, ".js-plotly-plot")
    found = {name: page.evaluate(COLLISIONS, f"figure-{i}") for i, name in enumerate(names)}
    return {name: words for name, words in found.items() if words}


def opened(page: Any, drawn: dict[str, go.Figure], file: Any) -> None:
    figures.save_page(list(drawn.values()), file, "all")
    page.goto(file.as_uri())
    page.wait_for_function(
        f"document.querySelectorAll('.main-svg .infolayer').length >= {len(drawn)}"
    )


def test_no_text_is_cut_or_overlaps_on_a_screen(gallery, browser, tmp_path):
    with opened_page(browser, viewport={"width": 1400, "height": 900}) as page:
        opened(page, gallery, tmp_path / "all.html")
        for width in (1400, 700, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function(
                "[...document.querySelectorAll('.js-plotly-plot')].every(e =>"
                " Math.abs(e.offsetWidth - e._fullLayout.width) <= 1)"
            )
            assert collisions(page, list(gallery)) == {}, width
        assert page.problems == []


def test_no_text_is_cut_or_overlaps_in_a_paper(gallery, browser, tmp_path):
    on_paper = {
        f"{name}, {columns}": figures.paper(drawn, columns)
        for name, drawn in gallery.items()
        for columns in (1, 2)
    }
    with opened_page(browser, viewport={"width": 1400, "height": 900}) as page:
        opened(page, on_paper, tmp_path / "paper.html")
        assert collisions(page, list(on_paper)) == {}
        assert page.problems == []
