"""Movement and alignment of the tangent kernel over training, with their controls."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.trajectory.tangent_kernel import TangentKernel
from interp.figures.expected import expect
from interp.figures.template import CLASS_COLOUR, SPLIT_COLOUR, styled

# By panel: the field, what it is called, colour and dash; of the untrained network the same below.
_LINES = (
    (1, "movement", "movement of the kernel", SPLIT_COLOUR["train"], "solid"),
    (1, "weight_movement", "movement of the weights", SPLIT_COLOUR["clean"], "dash"),
    (2, "cka_given", "CKA, given labels", SPLIT_COLOUR["corrupted"], "solid"),
    (2, "cka_true", "CKA, true labels", SPLIT_COLOUR["test"], "dash"),
    (2, "cka_shuffled", "CKA, shuffled labels", CLASS_COLOUR["dead"], "dot"),
)
_CONTROLS = (
    (1, "movement", "untrained: movement", SPLIT_COLOUR["train"]),
    (2, "cka_given", "untrained: CKA, given", SPLIT_COLOUR["corrupted"]),
)


def tangent_kernel(result: TangentKernel) -> go.Figure:
    """Movement above, on a logarithmic axis, and CKA below against the step; dotted for controls.

    The movement of the initial network, 0, is not drawn.

    Args:
        result: from the measure ``tangent_kernel``.
    """
    expect(result, TangentKernel)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    steps = list(result.rows)
    for panel, field, name, colour, dash in _LINES:
        values = [getattr(result.rows[step], field) for step in steps]
        drawn = [value if value or panel == 2 else None for value in values]
        figure.add_trace(_line(steps, drawn, name, colour, dash), row=panel, col=1)
    for panel, field, name, colour in _CONTROLS:
        level = getattr(result.untrained, field)
        line = _line([steps[0], steps[-1]], [level, level], name, colour, "dot")
        line.update(mode="lines")
        figure.add_trace(line, row=panel, col=1)
    figure.update_xaxes(type="log")
    figure.update_xaxes(title_text="step", row=2, col=1)
    figure.update_yaxes(title_text="‖K − K₀‖ ∕ ‖K₀‖", type="log", row=1, col=1)
    figure.update_yaxes(title_text="CKA (centred)", rangemode="tozero", row=2, col=1)
    figure.update_layout(legend={"orientation": "h", "y": -0.12}, showlegend=True)
    return styled(figure, "Tangent kernel over training", result.caption, 640)


def _line(
    steps: list[int], values: list[float | None], name: str, colour: str, dash: str
) -> go.Scatter:
    return go.Scatter(
        x=[max(step, 1) for step in steps],
        y=values,
        mode="lines+markers",
        name=name,
        line={"color": colour, "dash": dash},
        hovertemplate="step %{x}<br>%{y:.4g}<extra>" + name + "</extra>",
    )
