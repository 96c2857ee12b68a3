"""What a page is put together from: a section with a figure, and files that lie beside the code."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files


@cache
def asset(name: str) -> str:
    """A file of the page, which may be the figures' own."""
    places = [files(f"interp.{package}") / "assets" / name for package in ("reporting", "figures")]
    return next(one for one in places if one.is_file()).read_text(encoding="utf-8")


def section(key: str, heading: str, words: str) -> str:
    """A heading, words, and the place of a figure of that name."""
    return f"""<section aria-labelledby="heading-{key}">
<h2 id="heading-{key}">{escape(heading)}</h2>
<p class="caption">{escape(words)}</p>
<div class="figure" id="figure-{key}"></div></section>"""
