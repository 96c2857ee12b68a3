"""Results in notebooks: a small table for each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from interp.analysis.ablation.curves import PruningCurve, PruningCurves
from interp.analysis.comparison.comparison import Comparison
from interp.analysis.mechanism.scored import Scored
from interp.analysis.neurons.table import NeuronTable
from interp.analysis.phases.phase import phase_or_none
from interp.analysis.sweeps.diagram import PhaseDiagram
from interp.analysis.trajectory.history import History
from interp.training.data.splits import SPLIT_MEANING, SPLITS
from interp.training.display import Result, Value
from interp.training.runs.run import Run
from interp.words.compared import comparison_rows
from interp.words.names import value_words
from interp.words.scored import scored_rows, tidy_rows
from interp.words.sentences import number, outcome
from interp.words.story import story

_ROWS = 8
_MOST = 24  # values of a result
_VALUES = ("name", "value")
_NORMS = ("weight norm", "invariant norm")
_PLACES = 6  # numbers of pruned neurons in a table


def html(result: Any) -> str:
    """A result as a caption and a table; its colours are those of the notebook."""
    for kind in type(result).__mro__:
        if kind in _SHOWN:
            return _SHOWN[kind](result)
    return escape(repr(result))


def _result(result: Result) -> str:
    """Any result: its numbers."""
    heads, rows, rest = table_of(result)
    words = [f"{result.about}.", *([f"{rest}:"] if rest else [])]
    title = getattr(result, "title", "") or type(result).__name__
    return _block(title, heads, rows, words)


def _scored(result: Scored) -> str:
    """Accuracies, a row each."""
    title = getattr(result, "title", "") or type(result).__name__
    return _block(f"{title}: accuracies", *_scored_table(result), [f"{result.caption}."])


def _scored_table(result: Scored) -> tuple[list[str], list[list[str]]]:
    """As :func:`scored_rows`, without the names, which stand in the shell and in tables."""
    heads, rows = scored_rows(result)
    return [heads[0], *heads[2:]], [row[1:] for row in rows]


def _history_table(found: History) -> tuple[list[str], list[list[str]]]:
    """The values that lead, a row a step."""
    names = [name for name in found.names if name in found.main]
    rows = zip(found.steps, found.rows, strict=True)
    heads = [value_words(name) for name in names]
    return ["step", *heads], [
        [str(step), *(_cell(row.get(name)) for name in names)] for step, row in rows
    ]


def value_rows(result: Result) -> tuple[list[list[str]], str]:
    """Names and values of a result, and where there are too many, which of them these are."""
    rows = [[name, _cell(value)] for name, value in result.values().items()]
    rest = f"The first {_MOST} of {len(rows)} values" if len(rows) > _MOST else ""
    return rows[:_MOST], rest


def value_table(result: Result) -> str:
    """The values of a result as a table, without words on where they come from."""
    heads, rows, rest = table_of(result)
    return _table(heads, rows) + (f'<p class="caption">{escape(rest)}</p>' if rest else "")


def table_of(result: Result) -> tuple[Sequence[str], list[list[str]], str]:
    """Heads and rows by which a result is shown, and words on what has no room."""
    if isinstance(result, Scored):
        return *_scored_table(result), ""
    if isinstance(result, Comparison):
        return *comparison_rows(result), ""
    if isinstance(result, History) and result.main:
        return *_history_table(result), ""
    if result.COLUMNS:
        return *tidy_rows(result), ""
    return _VALUES, *value_rows(result)


def _cell(value: Value) -> str:
    if isinstance(value, float):
        return "never" if math.isinf(value) else f"{value:.4g}"
    return "–" if value is None else str(value)


def _run(run: Run) -> str:
    words = [story(run)]
    if not run.measurements:
        return _block(f"Run {run.name}", [], [], [*words, "Not scored yet."])
    row = run.measurement()
    if (found := phase_or_none(run)) is not None:
        words.append(outcome(found))
    steps = run.steps
    span = f", steps {steps[0]} to {steps[-1]}" if steps else ""
    words.append(f"{len(steps)} checkpoints{span}{'' if run.finished else '; not finished'}.")
    body = [
        [split, number(row.scores[split].accuracy), number(row.scores[split].loss, 5), meaning]
        for split, meaning in SPLIT_MEANING.items()
    ]
    head = [f"step {row.step}", "accuracy", "loss", "scored on"]
    return _block(f"Run {run.name}", head, body, words)


def _neurons(table: NeuronTable) -> str:
    mean = "–" if table.mean_ipr is None else f"{table.mean_ipr:.3f}"
    words = [
        f"{len(table)} neurons, {int(table.dead.sum())} dead, mean IPR {mean}.",
        f"{table.about}.",
    ]
    body = [
        [
            str(i),
            *([number(None)] * (3 + table.is_cyclic) if table.dead[i] else _neuron(table, i)),
            number(float(table.norm[i])),
            f"{table.invariant_norm[i]:.3g}",
        ]
        for i in range(min(_ROWS, len(table)))
    ]
    if len(table) > _ROWS:
        words.append(f"The first {_ROWS}:")
    phases = ["phases (rad)"] if table.is_cyclic else []
    head = ["neuron", "IPR", "U, V, W", table.block, *phases, *_NORMS]
    return _block(f"Neurons of {table.name}", head, body, words)


def _neuron(table: NeuronTable, i: int) -> list[str]:
    found = [
        number(float(table.ipr[i])),
        ", ".join(f"{value:.2f}" for value in table.curve_ipr[:, i]),
    ]
    if not table.is_cyclic:
        return [*found, table.block_names[table.frequency[i]]]
    phases = ", ".join(f"{value:.2f}" for value in table.phases[:, i])
    return [*found, str(int(table.frequency[i])), phases]


def _curves(curves: PruningCurves) -> str:
    control = curves.control
    words = [f"{curves.neurons} neurons, {curves.method}.", f"{curves.about}."]
    if control is not None:
        words.append(f"Control: {control.draws} random orders, seed {control.seed}.")
    curve = curves.curves.get(("IPR", "lowest"))
    if curve is None:
        return _block("Pruning curves", [], [], words)
    head, body = _accuracies(curve)
    if control is not None:
        rows = _accuracies(control.mean)[1]
        body += [[f"{name}, random", *cells] for name, *cells in rows]
    return _block("Pruning curves: accuracy, lowest IPR first", head, body, words)


def _accuracies(curve: PruningCurve) -> tuple[list[str], list[list[str]]]:
    """Accuracies at a few numbers of pruned neurons."""
    last = len(curve.sizes) - 1
    places = sorted({round(i * last / (_PLACES - 1)) for i in range(_PLACES)})
    head = ["pruned", *(str(int(curve.sizes[place])) for place in places)]
    body = []
    for split in SPLITS:
        values = curve.accuracy[split]
        if values is not None:
            body.append([split, *(number(float(values[place])) for place in places)])
    return head, body


def _diagram(diagram: PhaseDiagram) -> str:
    axes = [f"x: {diagram.x}", f"y: {diagram.y}"]
    axes += [f"panels: {diagram.panel}"] if diagram.panel else []
    axes += [f"{name} = {value}" for name, value in diagram.fixed.items()]
    counts = Counter(point.state for point in diagram.points)
    body = [
        [state, str(counts[state]), f"{counts[state] / len(diagram.points):.0%}"]
        for state in diagram.states
    ]
    seeds = {point.seeds for point in diagram.points}
    words = [" · ".join(axes) + f". Vote of {min(seeds)} to {max(seeds)} seeds a point."]
    return _block("Phase diagram", ["state", "points", "share"], body, words)


def _block(
    title: str, head: Sequence[str], body: Iterable[Sequence[str]], words: Sequence[str] = ()
) -> str:
    parts = [f"<b>{escape(title)}</b>"]
    parts += [f"<p>{escape(' '.join(words))}</p>"] if words else []
    parts += [_table(head, body)] if head else []
    return f'<div class="interp-result">{"".join(parts)}</div>'


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>"


_SHOWN: Mapping[type, Callable[[Any], str]] = {
    Run: _run,
    NeuronTable: _neurons,
    PruningCurves: _curves,
    PruningCurve: lambda curve: _block(
        "Pruning curve: accuracy by number of pruned neurons", *_accuracies(curve)
    ),
    PhaseDiagram: _diagram,
    Scored: _scored,
    Result: _result,
}
