"""The page of the explorer before anything is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dash_ag_grid as dag
from dash import dcc, html

from interp.explorer.catalog import Contents
from interp.explorer.overlay import overlay_section, own_choice
from interp.explorer.saving import saving
from interp.figures.template import HTML_CONFIG
from interp.words.options import alone_name, axis_name

# Dash itself follows the width of the window; beside it plotly's own way would lose the height.
GRAPH = {**HTML_CONFIG, "responsive": False}
FIRST_ROWS = 300  # that come with the page; more follow a moment later
NOT_YET = -1  # the version of a page whose table is not whole

# Nothing where nothing was measured: a zero would be a claim.
_THREE_DIGITS = "params.value == null ? '' : d3.format('.3f')(params.value)"
_NUMBER = {"filter": "agNumberColumnFilter", "type": "numericColumn"}
_SCORE = {**_NUMBER, "width": 120, "valueFormatter": {"function": _THREE_DIGITS}}
# Heads in the words of the figures; ag-grid's own would begin with capitals.
COLUMNS: list[dict[str, Any]] = [
    {"field": "label", "headerName": "run", "width": 260, "tooltipField": "name"},
    {"field": "status", "headerName": "status", "width": 150},
    {"field": "state", "headerName": "phase", "width": 150},
    {"field": "train", "headerName": "train accuracy", **_SCORE},
    {"field": "test", "headerName": "test accuracy", **_SCORE},
    {"field": "corrupted", "headerName": "corrupted accuracy", **_SCORE},
    {"field": "fraction", "headerName": axis_name("data.fraction"), **_NUMBER, "width": 115},
    {"field": "corruption", "headerName": axis_name("data.corruption"), **_NUMBER, "width": 125},
    {
        "field": "weight_decay",
        "headerName": alone_name("optimizer.weight_decay"),
        **_NUMBER,
        "width": 110,
    },
    {"field": "task", "headerName": "task", "width": 110},
    {"field": "p", "headerName": "p", **_NUMBER, "width": 80},
    {"field": "model", "headerName": "network", "width": 190},
    {"field": "width", "headerName": alone_name("model.width"), **_NUMBER, "width": 110},
    {"field": "seed", "headerName": "seed", **_NUMBER, "width": 90},
    {"field": "step", "headerName": "step", **_NUMBER, "width": 90},
    {"field": "steps", "headerName": "of steps", **_NUMBER, "width": 100},
    {"field": "sweep", "headerName": "sweep", "width": 120},
    {"field": "name", "headerName": "folder", "width": 260},
]
_BROKEN = {
    "styleConditions": [
        {
            "condition": "params.data.status.startsWith('broken')",
            "style": {"color": "var(--problem)"},
        }
    ]
}


def rows_of(contents: Contents) -> list[dict[str, Any]]:
    """Rows of the table: runs of their own first, then the cells of the sweeps."""
    listed = [*contents.runs.values(), *(r for s in contents.sweeps.values() for r in s.rows)]
    return [one.to_dict() for one in listed]


def summary(contents: Contents) -> str:
    """How much there is, and what is missing or broken."""
    rows = [*contents.runs.values(), *(r for s in contents.sweeps.values() for r in s.rows)]
    if not rows and not contents.sweeps:
        return (
            "Nothing here yet: expected run folders (interp train --out) or a sweep "
            "(interp sweep --out). What appears is shown by itself."
        )
    counts = {
        "training": sum(row.status == "training" for row in rows),
        "broken": sum(row.error is not None for row in rows),
    }
    words = [_counted(len(rows), "run"), _counted(len(contents.sweeps), "sweep")]
    words += [f"{count} {name}" for name, count in counts.items() if count]
    problems = [f"{sweep.name}: {sweep.error}" for sweep in contents.sweeps.values() if sweep.error]
    return " · ".join(words + problems)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def page(root: Path, contents: Contents) -> html.Main:
    """The skeleton; callbacks fill it, with the rest of a long table too."""
    rows = rows_of(contents)
    whole = len(rows) <= FIRST_ROWS
    return html.Main(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Interval(id="tick", interval=1000),
            dcc.Store(id="opened", data=[]),
            dcc.Store(id="ticked", data=[]),
            dcc.Store(id="cell"),
            dcc.Store(id="diagram-key"),
            dcc.Store(id="version", data=contents.version if whole else NOT_YET),
            dcc.Store(id="address"),
            html.Header(
                [
                    html.H1("interp explorer"),
                    html.P(str(root), className="caption"),
                    html.P(summary(contents), id="summary", **{"aria-live": "polite"}),
                    html.Div(id="message", className="problem", role="alert"),
                ]
            ),
            _diagram_section(contents),
            _table_section(rows[:FIRST_ROWS]),
            html.Section(
                [
                    html.Div(id="differences"),
                    overlay_section(GRAPH),
                    own_choice(),
                    html.Div(id="panels", className="panels"),
                ],
                **{"aria-label": "open runs"},
            ),
        ]
    )


def _diagram_section(contents: Contents) -> html.Section:
    names = list(contents.sweeps)
    choices = [("sweep", names), ("x", []), ("y", []), ("panel", [])]
    return html.Section(
        [
            html.H2("Phase diagram"),
            html.Div(
                [
                    html.Label(
                        [
                            name,
                            dcc.Dropdown(
                                id=name, options=values, clearable=name == "panel", value=None
                            ),
                        ]
                    )
                    for name, values in choices
                ],
                className="choices",
            ),
            html.P(id="diagram-words", className="caption"),
            dcc.Graph(id="diagram", config=GRAPH, responsive=True),
            saving(),
            html.Div(id="cell-runs", className="bar"),
        ],
        id="diagram-section",
        hidden=not names,
    )


def _table_section(rows: list[dict[str, Any]]) -> html.Section:
    return html.Section(
        [
            html.H2("Runs"),
            html.P("Tick runs to open them, several to compare them.", className="caption"),
            dag.AgGrid(
                id="table",
                columnDefs=COLUMNS,
                rowData=rows,
                getRowId="params.data.name",
                getRowStyle=_BROKEN,
                defaultColDef={
                    "sortable": True,
                    "filter": True,
                    "resizable": True,
                    "wrapHeaderText": True,
                    "autoHeaderHeight": True,
                },
                dashGridOptions={
                    "rowSelection": {
                        "mode": "multiRow",
                        "headerCheckbox": False,
                        "enableClickSelection": True,
                    },
                    "animateRows": False,
                    "ensureDomOrder": True,
                },
                style={"height": 360},
            ),
        ]
    )
