"""The frame of a page that needs no network: its style, its scripts, plotly and what they draw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.metadata import version
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from interp.figures.template import HTML_CONFIG, TEMPLATE
from interp.reporting.arrays import compressed
from interp.reporting.sections import asset

SCRIPTS = (
    "load",
    "data",
    "view",
    "drawing",
    "fit",
    "saving",
    "figures_live",
    "neuron",
    "table",
    "controls",
)


@dataclass(frozen=True)
class Frame:
    """A page, but for its sections.

    Attributes:
        title: of the page.
        header: what stands below it, as HTML.
        figures: by name; each stands in the element ``figure-`` with its name.
        live, pairs: what the scripts of neurons and of pairs are given; None where there are none.
        arrays, pair_arrays: packed, for these.
        styles: names of its style sheets.
        scripts: names of its scripts, of which ``main`` comes last.
    """

    title: str
    header: str
    figures: Mapping[str, go.Figure]
    live: Any = None
    pairs: Any = None
    arrays: str = ""
    pair_arrays: str = ""
    styles: tuple[str, ...] = ("report.css",)
    scripts: tuple[str, ...] = SCRIPTS

    def around(self, main: str) -> str:
        """The page as HTML.

        Args:
            main: its sections, as HTML.
        """
        drawn = {key: json.loads(str(figure.to_json())) for key, figure in self.figures.items()}
        look = json.loads(str(go.Figure(layout={"template": TEMPLATE}).to_json()))["layout"]
        given = {"live": self.live, "pairs": self.pairs, "figures": drawn, "template": look}
        text = _in_script({**given, "config": dict(HTML_CONFIG)})
        title = escape(self.title)
        return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title} · interp</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><style>{"".join(map(asset, self.styles))}</style></head>
<body>
<header class="top"><h1>{title}</h1>
{self.header}</header>
<noscript><p class="note">The figures need JavaScript.</p></noscript>
<main>
{main}
</main>
<script type="application/json" id="given">{text}</script>
<script type="text/plain" id="arrays">{self.arrays}</script>
<script type="text/plain" id="pair-arrays">{self.pair_arrays}</script>
<script type="text/plain" id="plotly">{_plotly()}</script>
<script>
{"".join(asset(f"{script}.js") for script in (*self.scripts, "main"))}</script>
</body></html>
"""


def footer() -> str:
    """What a page was made with."""
    versions = ", ".join(f"{p} {version(p)}" for p in ("interp", "torch", "numpy", "plotly"))
    return f"<footer>Made with {escape(versions)}. This file needs no network.</footer>"


@cache
def _plotly() -> str:
    return compressed(get_plotlyjs().encode())


def _in_script(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
