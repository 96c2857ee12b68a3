"""Pages at the widths of a phone, a tablet and a desk: no table is cut, what scrolls shows it."""

from __future__ import annotations

import pytest

from interp.reporting.report import report
from interp.training.trainer.loop import train
from tests.browser import CHROMIUM, NO_CHROMIUM, opened_page, settle
from tests.conftest import tiny_config
from tests.test_figure_layout import COLLISIONS

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)]

# Of each box with a table in it: pixels that are out of sight, and whether its edges are painted.
BOXES = """selector => [...document.querySelectorAll(selector)].map(box => [
    box.scrollWidth - box.clientWidth,
    getComputedStyle(box).backgroundAttachment.includes('local'),
])"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    config = tiny_config(model={"width": 40}, data={"fraction": 0.7, "corruption": 0.3})
    place = tmp_path_factory.mktemp("widths")
    run = train(config.replace("steps", 30), place / "run")
    return report(run, place / "report.html", 0.3, 2)


@pytest.mark.parametrize("width", [390, 700, 1400])
def test_tables_of_a_report_are_whole_or_show_that_they_scroll(file, browser, width):
    """On a phone they are wider than the screen; elsewhere there is room beside or below."""
    with opened_page(browser, viewport={"width": width, "height": 900}) as page:
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready=true]")
        settle(page, ".js-plotly-plot, .scroll")
        mechanism = page.evaluate(BOXES, ".measured .scroll")
        every = page.evaluate(BOXES, ".scroll")
        assert page.evaluate(COLLISIONS, "figure-pruning") == []
        sizes = page.evaluate(
            "(({offsetHeight, _fullLayout}) => [offsetHeight, _fullLayout.height])"
            "(document.getElementById('figure-pruning'))"
        )
        assert page.problems == []
    assert sizes[0] == sizes[1], "nothing is drawn over what follows"
    assert len(mechanism) == 2
    assert [hidden > 0 for hidden, _ in mechanism] == [width == 390] * 2
    assert all(painted for _, painted in every)
