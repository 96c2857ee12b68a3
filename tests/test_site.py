"""The guide as a site: built strictly, from what is here, with a page for whatever has a name."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import interp
import interp.exchange
import interp.figures
from interp.analysis.measures import MEASURES
from interp.training.config.fields import fields_of
from interp.training.config.run_config import RunConfig
from tests.browser import CHROMIUM, NO_CHROMIUM, opened_page

ROOT = Path(__file__).parent.parent
# What a browser fetches by itself, in contrast to what a click leads to.
FETCHED = re.compile(r'<(?:script|img|iframe)[^>]* src="([^"]+)"|<link [^>]*href="([^"]+)"')
# Nothing is fetched from elsewhere while it is built, either: there is nobody at this address.
NOWHERE = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https")}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as `make docs` builds it."""
    place = tmp_path_factory.mktemp("guide") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-d", str(place)]
    environment = {**os.environ, **NOWHERE, "NO_MKDOCS_2_WARNING": "1", "INTERP_PLUGINS": ""}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def text(page: Path) -> str:
    """A page without its tags."""
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text()))


def test_every_measure_has_its_page(site):
    own = {name for name in MEASURES if MEASURES.is_own(name)}
    pages = {page.stem: page for page in (site / "measures").glob("*.html")}
    assert set(pages) == own | {"index"}
    listed = pages["index"].read_text()
    for name in own:
        assert f'href="{name}.html"' in listed
        said = text(pages[name])
        assert f'interp.measures["{name}"]' in said
        assert "Control" in said
        assert [option for option in MEASURES[name].options if option not in said] == []


def test_every_field_of_a_configuration_has_its_entry(site):
    page = (site / "reference" / "configuration.html").read_text()
    paths = [path for path, _, _ in fields_of(RunConfig)]
    assert len(paths) > 60
    assert [path for path in paths if f'<span id="{path}">' not in page] == []


@pytest.mark.parametrize(
    ("package", "page"),
    [
        (interp, "names"),
        (interp.figures, "names_of_figures"),
        (interp.exchange, "names_of_exchange"),
    ],
)
def test_every_public_name_has_its_entry(site, package, page):
    written = (site / "reference" / f"{page}.html").read_text()
    headings = re.findall(r"<h3[^>]*>\s*([\w.]+)", written)
    names = {f"{package.__name__}.{name}" for name in package.__all__}
    assert len(names) > 5
    assert names - set(headings) == set()


def test_a_docstring_is_told_in_full(site):
    """Of a function whose arguments, result and errors stand in its docstring."""
    said = " ".join(text(site / "reference" / "names.html").split())
    for words in (*interp.train.__doc__.split("\n\n")[0].split(), "DivergenceError", "callbacks"):
        assert words in said


def test_pages_fetch_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        fetched = [one for pair in FETCHED.findall(page.read_text()) for one in pair if one]
        assert len(fetched) > 2
        assert [one for one in fetched if "//" in one] == [], page
    for style in site.rglob("*.css"):
        assert re.findall(r"url\(\s*['\"]?(?:https?:)?//", style.read_text()) == []


def test_links_lead_to_files_of_the_site(site):
    """Those to results and other files of the repository, too, which are pages here."""
    for page in set(site.rglob("*.html")) - {site / "404.html"}:
        links = re.findall(r'<a [^>]*href="([^"#]+)', page.read_text())
        inside = [html.unescape(link) for link in links if "://" not in link]
        places = [(page.parent / link.partition("?")[0]) for link in inside]
        assert [str(one) for one in places if not one.exists()] == [], page
    assert (site / "numbers" / "scoreboard.html").exists()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
def test_the_search_works_on_pages_that_are_opened_as_files(site, browser):
    with opened_page(browser) as page:
        page.goto((site / "index.html").as_uri())
        page.locator("input[name=query]").first.press_sequentially("sharpness")
        page.wait_for_selector(".md-search-result__link")
        found = page.locator(".md-search-result__link").evaluate_all("all => all.map(a => a.href)")
        assert any("/measures/sharpness.html" in link for link in found)
        assert page.problems == []
        assert [one for one in page.requests if not one.startswith("file:")] == []
