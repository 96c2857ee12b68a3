"""Figures as files: HTML that needs no network, and images for papers."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Literal

import plotly.graph_objects as go

from interp.figures.expected import expect
from interp.figures.paper_look import PIXELS_PER_INCH, paper
from interp.figures.template import HTML_CONFIG
from interp.training.arguments import as_path, as_text, several, word
from interp.training.optional import PartError, failed, is_there, part
from interp.training.runs.files import check_place, together, write_bytes

Template = Literal["screen", "paper", "paper-wide"]

_ADVICE = "check that it starts, name another one in BROWSER_PATH, or write .html"
_A_FILE = "a file's name, such as 'figure.html'"

# Else a phone shows a page as wide as a desk's, and small.
ON_A_PHONE = "<meta name='viewport' content='width=device-width, initial-scale=1'>"
_FIT = "fitWords(document.getElementById('{plot_id}'));"
SUFFIXES = (".html", ".png", ".svg", ".pdf")
_COLUMNS: dict[str, Literal[1, 2]] = {"paper": 1, "paper-wide": 2}
_DOTS_PER_INCH = 300
_SCREEN_WIDTH = 1000  # pixels of an image of a figure that has no width of its own
_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)


def check_figure(path: Path | str, template: str = "screen") -> None:
    """Whether a figure can be written there, asked before any work is done.

    Raises:
        ValueError: if the name does not end in .html, .png, .svg or .pdf, the folder does not
            exist, the template is unknown, or what draws images is not installed.
    """
    check_place("figure", Path(path), *SUFFIXES)
    word(template, ("screen", *_COLUMNS), "template")
    if Path(path).suffix.lower() == ".html":
        return
    if not is_there("kaleido"):
        raise PartError("figure: images need kaleido, not installed: pip install interp[images]")
    if browser() is None:
        raise ValueError(
            "figure: images are drawn by a Chromium or Chrome, found none: install one (Debian: "
            "apt install chromium; elsewhere: plotly_get_chrome), or name it in BROWSER_PATH"
        )


def browser() -> str | None:
    """Path of the browser that draws images: BROWSER_PATH, one on the PATH, or kaleido's own."""
    named = os.environ.get("BROWSER_PATH")
    if named:
        return named if Path(named).is_file() else None
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is not None or not is_there("choreographer"):
        return found
    chromium = part("choreographer.browsers.chromium", "images", "figure").Chromium
    own: str | None = chromium.find_browser(skip_local=False)
    return own


def save(
    figure: go.Figure, path: Path | str, div_id: str = "figure", template: Template = "screen"
) -> None:
    """Writes a figure to a file: HTML that needs no network, or an image.

    Args:
        figure: not changed.
        path: ends in .html, .png, .svg or .pdf.
        div_id: of the HTML element.
        template: ``screen``, ``paper`` (a single column) or ``paper-wide`` (both columns), see
            :func:`interp.figures.paper`. A PNG of these has 300 dots an inch.

    Raises:
        ValueError: if it cannot be written, see :func:`check_figure`.
    """
    expect(figure, go.Figure)
    path = as_path(path, _A_FILE)
    as_text(div_id, "div_id")
    check_figure(path, template)
    drawn = _in_template(figure, template)
    if path.suffix.lower() != ".html":
        write_bytes(path, _image(drawn, path.suffix.lower()[1:], template))
        return
    html = drawn.to_html(
        include_plotlyjs=True,
        div_id=div_id,
        config=dict(HTML_CONFIG),
        post_script=f"{_fitting()}\n{_FIT}",
    )
    write_bytes(path, html.replace("<head>", f"<head>{ON_A_PHONE}", 1).encode())


def _in_template(figure: go.Figure, template: Template) -> go.Figure:
    return paper(figure, _COLUMNS[template]) if template in _COLUMNS else figure


def save_all(
    figures: Sequence[go.Figure], path: Path | str, title: str, template: Template = "screen"
) -> list[Path]:
    """Writes several figures: one HTML page, or an image each with its number in the name.

    Returns:
        The files.

    Raises:
        ValueError: if they cannot be written, see :func:`check_figure`.
    """
    every = _several(figures)
    path = as_path(path, _A_FILE)
    as_text(title, "title")
    check_figure(path, template)
    if path.suffix.lower() == ".html":
        save_page([_in_template(one, template) for one in every], path, title)
        return [path]
    names = [path.with_stem(f"{path.stem}-{i}") for i in range(1, len(every) + 1)]
    with together():
        for figure, name in zip(every, names, strict=True):
            save(figure, name, template=template)
    return names


def _several(figures: Sequence[go.Figure]) -> Sequence[go.Figure]:
    """The figures; a single one is not several."""
    return several(figures, go.Figure, "several figures, such as [run.plot()]")


def save_page(figures: Sequence[go.Figure], path: Path | str, title: str) -> None:
    """Writes several figures below each other to one HTML file that needs no network.

    Raises:
        ValueError: if the name does not end in .html, or the folder does not exist.
    """
    every = _several(figures)
    path = as_path(path, _A_FILE)
    as_text(title, "title")
    check_place("figure", path, ".html")
    parts = [
        part_of_page(figure, f"figure-{place}", with_plotly=not place)
        for place, figure in enumerate(every)
    ]
    body = "\n".join([fitting_script(), *parts])
    head = f"<!doctype html><meta charset='utf-8'>{ON_A_PHONE}<title>{escape(title)}</title>"
    html = f"{head}\n{body}\n"
    write_bytes(path, html.encode())


def part_of_page(figure: go.Figure, div_id: str, with_plotly: bool = False) -> str:
    """A figure as a part of a page that has :func:`fitting_script` above it.

    Args:
        figure: not changed.
        div_id: of its element.
        with_plotly: whether plotly's script comes with it, as a page needs it once.
    """
    part: str = figure.to_html(
        full_html=False,
        include_plotlyjs=with_plotly,
        div_id=div_id,
        config=dict(HTML_CONFIG),
        post_script=_FIT,
    )
    return part


def fitting_script() -> str:
    """The element of a page that fits the words of its figures to the width they are shown at."""
    return f"<script>{_fitting()}</script>"


@cache
def _fitting() -> str:
    """The script that fits a figure's words to the width it is shown at."""
    return (files("interp.figures") / "assets" / "fit.js").read_text(encoding="utf-8")


def _image(figure: go.Figure, kind: str, template: str) -> bytes:
    kaleido, drawing = part("kaleido", "images", "figure"), browser()
    on_paper = template in _COLUMNS
    options = {
        "format": kind,
        "width": figure.layout.width or _SCREEN_WIDTH,
        "height": figure.layout.height or 420,
        "scale": _DOTS_PER_INCH / PIXELS_PER_INCH if on_paper and kind == "png" else 1,
    }
    try:
        # No formula is typeset, so nothing need be fetched for it.
        asked = {"mathjax": False, "path": drawing}
        image: bytes = kaleido.calc_fig_sync(figure, opts=options, kopts=asked)
    except Exception as error:  # of the browser, which says so by classes of several packages
        raise failed(f"figure: the browser {drawing}", "cannot draw", error, _ADVICE) from error
    return _with_font(image) if on_paper and kind == "svg" else image


def _with_font(svg: bytes) -> bytes:
    """The SVG with the font that this machine draws it in, where fontconfig can tell which.

    A PDF has its fonts inside anyway.
    """
    families = re.search(rb'font-family[:=]\s*"?([^";]+)', svg)
    if families is None or shutil.which("fc-match") is None:
        return svg
    family = families[1].decode().replace("&quot;", "").replace("'", "").split(",")[0].strip()
    asked = ["fc-match", "--format=%{file}", family]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    if not found.lower().endswith((".ttf", ".otf")):
        return svg
    font = base64.b64encode(Path(found).read_bytes()).decode()
    face = f"@font-face{{font-family:'{family}';src:url(data:font/ttf;base64,{font})}}"
    return re.sub(rb"(<svg[^>]*>)", rb"\1<style>" + face.encode() + b"</style>", svg, count=1)
