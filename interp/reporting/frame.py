"""The frame of a page that needs no network: its style, its scripts, plotly and the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.metadata import version
from importlib.resources import files

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from interp.figures.template import HTML_CONFIG, TEMPLATE
from interp.reporting.arrays import compressed

_SCRIPTS = (
    "load",
    "data",
    "view",
    "drawing",
    "figures_live",
    "neuron",
    "table",
    "controls",
    "main",
)


def framed(title: str, header: str, main: str, figures: Mapping[str, go.Figure]) -> str:
    """A page as HTML.

    Args:
        title: of the page.
        header: what stands below it, as HTML.
        main: its sections, as HTML; a figure stands in the element ``figure-`` with its name.
        figures: by name.
    """
    given = {
        "live": None,
        "pairs": None,
        "figures": {key: json.loads(str(figure.to_json())) for key, figure in figures.items()},
        "template": json.loads(str(go.Figure(layout={"template": TEMPLATE}).to_json()))["layout"],
        "config": dict(HTML_CONFIG),
    }
    text = json.dumps(given, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    versions = ", ".join(f"{p} {version(p)}" for p in ("interp", "torch", "numpy", "plotly"))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · interp</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><style>{_asset("report.css")}</style></head>
<body>
<header class="top"><h1>{escape(title)}</h1>{header}</header>
<noscript><p class="note">The figures need JavaScript.</p></noscript>
<main>{main}
<footer>Made with {escape(versions)}. This file needs no network.</footer></main>
<script type="application/json" id="given">{text.replace("<", chr(92) + "u003c")}</script>
<script type="text/plain" id="arrays"></script>
<script type="text/plain" id="pair-arrays"></script>
<script type="text/plain" id="plotly">{_plotly()}</script>
<script>
{"".join(_asset(f"{script}.js") for script in _SCRIPTS)}</script>
</body></html>
"""


def section(key: str, heading: str, words: str) -> str:
    """A heading, words, and the place of a figure of that name."""
    return f"""<section aria-labelledby="heading-{key}">
<h2 id="heading-{key}">{escape(heading)}</h2>
<p class="caption">{escape(words)}</p>
<div class="figure" id="figure-{key}"></div></section>"""


@cache
def _plotly() -> str:
    return compressed(get_plotlyjs().encode())


@cache
def _asset(name: str) -> str:
    return (files("interp.reporting") / "assets" / name).read_text(encoding="utf-8")
