"""What a figure can be saved as: a menu below it, and the scripts that the page needs for it."""

from __future__ import annotations

from importlib.resources import files

from dash import Dash, html
from flask import Response

# As in interp/figures/assets/saving.js, which acts on a click.
_KINDS = {
    "svg": ("SVG", "as it is seen"),
    "png": ("PNG", "as it is seen, twice the dots"),
    "column": ("3.4 in", "SVG as wide as a column of a paper, without the title"),
    "columns": ("7 in", "SVG as wide as both columns of a paper, without the title"),
    "csv": ("CSV", "the numbers that are drawn"),
}
_SCRIPTS = ("fit.js", "saving.js", "watch.js")


def saving() -> html.Details:
    """The menu of the figure that stands right before it."""
    buttons = [
        html.Button(words, title=title, **{"data-save": kind})
        for kind, (words, title) in _KINDS.items()
    ]
    return html.Details([html.Summary("save"), *buttons], className="saving")


def add_scripts(app: Dash) -> None:
    """Serves the scripts that the report has too, and puts them into the page."""
    folder = files("interp.figures") / "assets"
    text = "\n".join((folder / name).read_text(encoding="utf-8") for name in _SCRIPTS)

    @app.server.route("/figures.js")
    def script() -> Response:
        return Response(text, mimetype="text/javascript")

    tag = '<script src="/figures.js"></script>'
    app.index_string = app.index_string.replace("</head>", f"{tag}</head>")
