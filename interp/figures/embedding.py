"""Spectra of the embeddings, all dimensions together."""

from __future__ import annotations

from typing import cast

import numpy as np
import plotly.graph_objects as go

from interp.analysis.neurons.embedding import EmbeddingTable
from interp.figures.block_words import HOVERED, PLURAL, axis_title
from interp.figures.expected import expect
from interp.figures.overlay.lines import Several, check_alone, is_several
from interp.figures.template import INK, styled
from interp.words.flat import flat_spectrum

_COLOUR = ("#0072B2", "#E69F00", "#009E73")


def embedding_spectrum(embeddings: EmbeddingTable | Several, fold: bool = True) -> go.Figure:
    """Fourier spectrum of the operands' and answers' embeddings, summed over dimensions.

    Of several runs, a panel a matrix, a line a run, named by what differs. Runs that differ by seed
    alone are their mean, with a band from least to greatest; frequencies then stand by rank, the
    strongest first, since every seed has others.

    Args:
        embeddings: one table; or several runs, checkpoints or tables, as a list or by name.
        fold: of several, whether those that differ by seed alone are one line.

    Raises:
        ValueError: if several cannot be told apart, or their spectra do not fit one axis.
    """
    if is_several(embeddings):
        from interp.figures.overlay.spectrum import spectra_of_embeddings

        return spectra_of_embeddings(cast(Several, embeddings), fold)
    check_alone(fold)
    embeddings = expect(embeddings, EmbeddingTable)
    figure = go.Figure()
    block, names = embeddings.block, embeddings.block_names
    for (name, share), colour in zip(embeddings.shares.items(), _COLOUR, strict=False):
        mean = embeddings.mean_ipr[name]
        figure.add_trace(
            go.Bar(
                x=np.arange(len(share), dtype=np.int32),
                y=share.astype(np.float32),
                name=name if mean is None else f"{name} (mean IPR {mean:.3f})",
                marker={"color": colour},
                text=None if block == "frequency" else names,
                textposition=None if block == "frequency" else "none",
                hovertemplate=f"{block} {HOVERED[block]}<br>%{{y:.4f}} of the power<extra>{name}"
                "</extra>",
            )
        )
    _flat(figure, embeddings)
    figure.update_layout(barmode="group", legend={"orientation": "h", "y": -0.22})
    figure.update_xaxes(title_text=axis_title(block))
    figure.update_yaxes(title_text="share of power, all dimensions", rangemode="tozero")
    kind = "Fourier spectrum" if block == "frequency" else "Spectrum over irreps"
    title = f"{kind} of the embeddings of {embeddings.name}"
    flat = f" · no {block} stands out" if flat_spectrum(embeddings) else ""
    return styled(figure, title, embeddings.caption + flat, height=440)


def _flat(figure: go.Figure, embeddings: EmbeddingTable) -> None:
    """A line at the share of each place of a flat spectrum."""
    block = embeddings.block
    lengths = {len(share) for share in embeddings.shares.values()}
    for frequencies in sorted(lengths):
        which = f" of {frequencies} {PLURAL[block]}" if len(lengths) > 1 else ""
        figure.add_hline(
            y=1 / frequencies,
            line={"color": INK, "dash": "dot", "width": 1},
            name=f"flat spectrum{which}",
            showlegend=True,
        )
