"""What a Transformer loses without each of its heads."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from interp.analysis.ablation.heads import HeadAblation
from interp.analysis.caption import place
from interp.figures.expected import expect
from interp.figures.template import SPLIT_COLOUR, SPLIT_DASH, styled
from interp.training.arguments import as_text
from interp.training.data.splits import Split

_SHOWN: tuple[Split, ...] = ("train", "test", "corrupted", "clean")


def head_ablation(result: HeadAblation, name: str = "network") -> go.Figure:
    """Accuracy of the splits with each head ablated; lines mark the whole network's."""
    expect(result, HeadAblation)
    as_text(name, "name")
    heads = [f"{block}.{head}" for block, head in result.after]
    figure = go.Figure()
    for split in _SHOWN:
        values = [scores[split].accuracy for scores in result.after.values()]
        before = result.before[split].accuracy
        if before is None:
            continue
        figure.add_trace(
            go.Bar(
                x=heads,
                y=np.array(values, dtype=np.float32),
                name=split,
                marker={"color": SPLIT_COLOUR[split]},
                hovertemplate="without head %{x}<br>accuracy %{y:.4f}"
                f"<extra>{split}, {before:.4f} with all heads</extra>",
            )
        )
        figure.add_hline(
            y=before,
            line={"color": SPLIT_COLOUR[split], "dash": SPLIT_DASH[split], "width": 1},
        )
    figure.update_layout(barmode="group", legend={"orientation": "h", "y": -0.22})
    figure.update_xaxes(title_text="ablated head (block.head)", type="category")
    figure.update_yaxes(title_text="accuracy", range=[-0.03, 1.03])
    how = {"zero": "set to zero", "mean": "set to its mean over all pairs"}[result.how]
    caption = f"what the head writes is {how}; lines: with all heads"
    caption = place(result.seed, result.step, caption)
    return styled(figure, f"Heads of {name}, ablated one at a time", caption)
