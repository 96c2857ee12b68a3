"""Figures of several settings side by side, over all their seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from interp.analysis.fourier.conventions import CONVENTIONS
from interp.analysis.neurons.table import NeuronTable
from interp.analysis.phases.events import GROK_ACCURACY, Interval, grokking, inversion
from interp.figures.template import CLASS_COLOUR, INK, SPLIT_COLOUR, SPLIT_DASH, faint, styled
from interp.training.data.splits import Split
from interp.training.runs.run import Run

_COLUMNS = 3
_BINS = 40
SHOWN: tuple[Split, ...] = ("train", "test", "corrupted", "corrected")


def training_panels(settings: Mapping[str, Sequence[Run]], title: str, norm: bool) -> go.Figure:
    """Accuracy of the splits against the step, a panel a setting: mean and range of the seeds.

    Bands tell between which steps the seeds grokked (test accuracy reached 0.90), and inverted
    (corrupted accuracy, having been above one half, fell below it); a panel's title has the steps.

    Args:
        settings: runs of the same schedule by the words of their setting.
        title: of the figure.
        norm: also the norm of all weights, on an axis of its own below.
    """
    columns = min(len(settings), _COLUMNS)
    parts = 2 if norm else 1
    rows = -(-len(settings) // columns) * parts
    dated = {name: _dated(runs) for name, runs in settings.items()}
    names = ["<br>".join([name, *map(_small, events)]) for name, events in dated.items()]
    figure = make_subplots(
        rows=rows,
        cols=columns,
        shared_xaxes="columns" if norm else False,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=min(0.24, 0.62 / rows),
        subplot_titles=_titles(names, columns, parts),
    )
    figure.update_annotations(font_size=13)
    legend: set[str] = set()
    for place, (name, runs) in enumerate(settings.items()):
        row, column = place // columns * parts + 1, place % columns + 1
        for word, interval in dated[name].values():
            figure.add_trace(_mark(word, interval, first=word not in legend), row=row, col=column)
            legend.add(word)
        for split in SHOWN:
            for trace in _band(runs, split, first=not place):
                figure.add_trace(trace, row=row, col=column)
        if norm:
            for trace in _norms(runs, first=not place):
                figure.add_trace(trace, row=row + 1, col=column)
            figure.update_yaxes(
                title_text="norm of all weights" if column == 1 else "", row=row + 1, col=column
            )
        figure.update_xaxes(title_text="step", row=row + parts - 1, col=column)
        figure.update_yaxes(range=[-0.03, 1.03], row=row, col=column)
        if column == 1:
            figure.update_yaxes(title_text="accuracy", row=row, col=column)
    figure.update_xaxes(type="log", dtick=1)
    height = 200 + 240 * rows
    figure.update_layout(legend={"orientation": "h", "y": -60 / height - 0.06, "yanchor": "top"})
    words = f"{seeds_of(settings.values())} · line: mean, band: range of the seeds"
    if legend:
        words += f" · grokked: test ≥ {GROK_ACCURACY:.2f}, inverted: corrupted < 0.50"
    styled(figure, title, words, height)
    lines = max(name.count("<br>") for name in names)
    more = figure.layout.title.subtitle.text.count("<br>")
    return figure.update_layout(margin={"b": 110, "t": 90 + 18 * lines + 15 * more})


def _small(words: str) -> str:
    return f'<span style="font-size:11px">{words}</span>'


def _dated(runs: Sequence[Run]) -> dict[str, tuple[str, Interval]]:
    """By a line of words: an event, and the interval that holds it in every seed that had it."""
    found = {}
    for word, date in (("grokked", grokking), ("inverted", inversion)):
        known = [interval for run in runs if (interval := date(run)) is not None]
        if known:
            whole = Interval(min(one.after for one in known), max(one.by for one in known))
            some = "" if len(known) == len(runs) else f" ({len(known)} of {len(runs)})"
            found[f"{word}, steps {whole.after}–{whole.by}{some}"] = (word, whole)
    return found


def _mark(word: str, interval: Interval, first: bool) -> go.Scatter:
    """A band between two steps over the height of a panel."""
    colour = SPLIT_COLOUR["test" if word == "grokked" else "corrupted"]
    start = max(interval.after, 1)
    return go.Scatter(
        x=[start, start, interval.by, interval.by],
        y=[-0.03, 1.03, 1.03, -0.03],
        fill="toself",
        fillcolor=faint(colour, 0.22),
        mode="lines",
        line={"width": 0},
        name=word,
        legendgroup=word,
        showlegend=first,
        hoverinfo="skip",
    )


def _titles(names: Sequence[str], columns: int, parts: int) -> list[str]:
    titles: list[str] = []
    left = iter(names)
    while row := list(islice(left, columns)):
        titles += row + [""] * (columns - len(row))
        titles += [""] * columns * (parts - 1)
    return titles


def _band(runs: Sequence[Run], split: Split, first: bool) -> list[go.Scatter]:
    steps, rows = _history(runs, lambda m: m.scores[split].accuracy)
    if not len(steps):
        return []
    colour = SPLIT_COLOUR[split]
    return [
        go.Scatter(
            x=np.concatenate([steps, steps[::-1]]),
            y=np.concatenate([rows.max(axis=0), rows.min(axis=0)[::-1]]).astype(np.float32),
            fill="toself",
            fillcolor=faint(colour, 0.18),
            line={"width": 0},
            legendgroup=split,
            showlegend=False,
            hoverinfo="skip",
        ),
        go.Scatter(
            x=steps,
            y=rows.mean(axis=0).astype(np.float32),
            mode="lines",
            name=split,
            legendgroup=split,
            showlegend=first,
            line={"color": colour, "dash": SPLIT_DASH[split], "width": 2},
            hovertemplate=f"step %{{x}}<br>accuracy %{{y:.3f}}<extra>{split}</extra>",
        ),
    ]


def _norms(runs: Sequence[Run], first: bool) -> list[go.Scatter]:
    steps, rows = _history(runs, lambda m: m.weight_norm)
    return [
        go.Scatter(
            x=steps,
            y=rows.mean(axis=0).astype(np.float32),
            mode="lines",
            name="weight norm",
            legendgroup="norm",
            showlegend=first,
            line={"color": INK, "width": 2},
        )
    ]


def _history(runs: Sequence[Run], of: object) -> tuple[np.ndarray, np.ndarray]:
    """Steps, and a row of values a run; step 0 has no place on a logarithmic axis."""
    assert callable(of)
    rows = [{m.step: of(m) for m in run.measurements if m.step > 0} for run in runs]
    steps = sorted(set.intersection(*(set(row) for row in rows)) if rows else set())
    steps = [step for step in steps if all(row[step] is not None for row in rows)]
    values = np.array([[row[step] for step in steps] for row in rows], dtype=np.float64)
    return np.array(steps, dtype=np.int32), values.reshape(len(rows), len(steps))


def histogram_panels(
    settings: Mapping[str, Sequence[NeuronTable]], title: str, words: str = ""
) -> go.Figure:
    """Histograms of the neurons' IPR, a panel a setting: the mean count of the seeds in a bin."""
    columns = min(len(settings), _COLUMNS)
    rows = -(-len(settings) // columns)
    names = []
    for name, tables in settings.items():
        mean = [table.mean_ipr for table in tables if table.mean_ipr is not None]
        names.append(f"{name}<br>mean IPR {sum(mean) / len(mean):.2f}" if mean else name)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=min(0.26, 0.65 / rows),
        subplot_titles=names,
    )
    figure.update_annotations(font_size=13)
    edges = np.linspace(0, 1, _BINS + 1)
    for place, tables in enumerate(settings.values()):
        row, column = place // columns + 1, place % columns + 1
        counts = [np.histogram(table.ipr[~table.dead], edges)[0] for table in tables]
        figure.add_trace(
            go.Bar(
                x=((edges[1:] + edges[:-1]) / 2).astype(np.float32),
                y=np.mean(counts, axis=0).astype(np.float32),
                width=1 / _BINS,
                name="neurons",
                showlegend=False,
                marker={"color": CLASS_COLOUR["generalizing"]},
                hovertemplate="IPR %{x:.2f}<br>%{y:.1f} neurons<extra></extra>",
            ),
            row=row,
            col=column,
        )
        figure.update_xaxes(
            range=[0, 1], title_text="IPR of a neuron" if row == rows else "", row=row, col=column
        )
        if column == 1:
            figure.update_yaxes(title_text="neurons a seed", row=row, col=column)
    one = next(iter(settings.values()))[0]
    caption = f"IPR: {CONVENTIONS[one.convention].words}, r = {one.r:g}"
    caption += f" · {words}" if words else ""
    figure.update_layout(
        bargap=0, margin={"t": 90 + 18 * max(name.count("<br>") for name in names)}
    )
    return styled(figure, title, caption, 180 + 240 * rows)


def seeds_of(settings: object) -> str:
    """Which seeds runs have, in words."""
    assert hasattr(settings, "__iter__")
    seeds = sorted({run.config.seed for runs in settings for run in runs})
    return f"seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else f"seed {seeds[0]}"
