"""Figures of several settings side by side, over all their seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from interp.analysis.fourier.conventions import CONVENTIONS
from interp.analysis.neurons.table import NeuronTable
from interp.analysis.phases.events import GROK_ACCURACY, Interval, grokking, inversion
from interp.figures.between import between
from interp.figures.template import CLASS_COLOUR, INK, SPLIT_COLOUR, SPLIT_DASH, faint, styled
from interp.reproduction.grid import Grid, room_above
from interp.training.data.splits import Split
from interp.training.runs.metadata import Measurement
from interp.training.runs.run import Run

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
    dated = {name: _dated(runs) for name, runs in settings.items()}
    names = ["<br>".join([name, *map(_small, events)]) for name, events in dated.items()]
    grid = Grid(len(settings), 2 if norm else 1)
    figure = grid.figure(names, shared_xaxes="columns" if norm else False, gaps=(0.24, 0.62))
    legend: set[str] = set()
    for place, (name, runs) in enumerate(settings.items()):
        row, column = grid.at(place)
        marks = [_mark(word, span, first=word not in legend) for word, span in dated[name].values()]
        legend |= {word for word, _ in dated[name].values()}
        bands = [trace for split in SHOWN for trace in _band(runs, split, first=not place)]
        figure.add_traces([*marks, *bands], rows=row, cols=column)
        if norm:
            figure.add_traces(_norms(runs, first=not place), rows=row + 1, cols=column)
        _name_axes(figure, row, column, norm)
    figure.update_xaxes(type="log", dtick=1)  # a panel is narrow
    height = 200 + 240 * grid.rows
    figure.update_layout(legend={"orientation": "h", "y": -60 / height - 0.06, "yanchor": "top"})
    words = f"{seeds_of(settings.values())} · line: mean, band: range of the seeds"
    if legend:
        words += f" · grokked: test ≥ {GROK_ACCURACY:.2f}, inverted: corrupted < 0.50"
    styled(figure, title, words, height)
    more = figure.layout.title.subtitle.text.count("<br>")
    return figure.update_layout(margin={"b": 110, "t": room_above(names) + 15 * more})


def _name_axes(figure: go.Figure, row: int, column: int, norm: bool) -> None:
    """Titles and ranges of a panel of training curves; words stand at the first column only."""
    if norm:
        words = "norm of all weights" if column == 1 else ""
        figure.update_yaxes(title_text=words, row=row + 1, col=column)
    figure.update_xaxes(title_text="step", row=row + norm, col=column)
    figure.update_yaxes(range=[-0.03, 1.03], row=row, col=column)
    if column == 1:
        figure.update_yaxes(title_text="accuracy", row=row, col=column)


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


def _band(runs: Sequence[Run], split: Split, first: bool) -> list[go.Scatter]:
    steps, rows = _history(runs, lambda m: m.scores[split].accuracy)
    if not len(steps):
        return []
    colour = SPLIT_COLOUR[split]
    return [
        between(
            steps,
            rows.max(axis=0),
            rows.min(axis=0),
            colour,
            0.18,
            legendgroup=split,
            showlegend=False,
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


def _history(
    runs: Sequence[Run], of: Callable[[Measurement], float | None]
) -> tuple[np.ndarray, np.ndarray]:
    """Steps, and a row of values a run; step 0 has no place on a logarithmic axis."""
    rows = [{m.step: of(m) for m in run.measurements if m.step > 0} for run in runs]
    steps = sorted(set.intersection(*(set(row) for row in rows)) if rows else set())
    steps = [step for step in steps if all(row[step] is not None for row in rows)]
    values = np.array([[row[step] for step in steps] for row in rows], dtype=np.float64)
    return np.array(steps, dtype=np.int32), values.reshape(len(rows), len(steps))


def histogram_panels(
    settings: Mapping[str, Sequence[NeuronTable]], title: str, words: str = ""
) -> go.Figure:
    """Histograms of the neurons' IPR, a panel a setting: the mean count of the seeds in a bin."""
    names = [_with_mean(name, tables) for name, tables in settings.items()]
    grid = Grid(len(settings))
    figure = grid.figure(names, shared_xaxes=False, gaps=(0.26, 0.65))
    for place, tables in enumerate(settings.values()):
        row, column = grid.at(place)
        figure.add_trace(_bars(tables), row=row, col=column)
        below = "IPR of a neuron" if row == grid.rows else ""
        figure.update_xaxes(range=[0, 1], title_text=below, row=row, col=column)
        if column == 1:
            figure.update_yaxes(title_text="neurons a seed", row=row, col=column)
    one = next(iter(settings.values()))[0]
    caption = f"IPR: {CONVENTIONS[one.convention].words}, r = {one.r:g}"
    caption += f" · {words}" if words else ""
    figure.update_layout(bargap=0, margin={"t": room_above(names)})
    return styled(figure, title, caption, 180 + 240 * grid.rows)


def _with_mean(name: str, tables: Sequence[NeuronTable]) -> str:
    """A setting with its neurons' mean IPR, over the seeds that have living neurons."""
    mean = [table.mean_ipr for table in tables if table.mean_ipr is not None]
    return f"{name}<br>mean IPR {sum(mean) / len(mean):.2f}" if mean else name


def _bars(tables: Sequence[NeuronTable]) -> go.Bar:
    edges = np.linspace(0, 1, _BINS + 1)
    counts = [np.histogram(table.ipr[~table.dead], edges)[0] for table in tables]
    return go.Bar(
        x=((edges[1:] + edges[:-1]) / 2).astype(np.float32),
        y=np.mean(counts, axis=0).astype(np.float32),
        width=1 / _BINS,
        name="neurons",
        showlegend=False,
        marker={"color": CLASS_COLOUR["generalizing"]},
        hovertemplate="IPR %{x:.2f}<br>%{y:.1f} neurons<extra></extra>",
    )


def seeds_of(settings: Iterable[Sequence[Run]]) -> str:
    """Which seeds runs have, in words."""
    seeds = sorted({run.config.seed for runs in settings for run in runs})
    return f"seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else f"seed {seeds[0]}"
