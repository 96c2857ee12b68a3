"""What the report's script is given: a few words and plain numbers, and packed arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from interp.analysis.ablation.curves import PruningCurve, PruningCurves
from interp.analysis.ablation.ranking import RANKINGS
from interp.analysis.caption import ipr_words
from interp.analysis.neurons.classify import NULL_QUANTILE, words_of
from interp.analysis.neurons.table import CURVES, NeuronTable
from interp.analysis.trajectory.pruning_history import CheckpointCurves
from interp.figures.classes import HIGH, LOW
from interp.figures.template import CLASS_COLOUR, SPLIT_COLOUR, SPLIT_DASH
from interp.reporting.arrays import packed, quantized, share16
from interp.reporting.reading import (
    NeuronReading,
    Reading,
    automatic_threshold,
    steps_with_curves,
)
from interp.reporting.wide import bits_of, spectra_of
from interp.training.data.dataset import Dataset
from interp.training.data.splits import SPLIT_MEANING, SPLITS, Split
from interp.training.runs.run import Run
from interp.training.tasks.groups import GROUPS
from interp.words.sentences import class_mark

BINS = 50
NORMS = ("weight norm", "invariant norm")  # in this order also in the page's tables


def neuron_payload(reading: Reading, neurons: NeuronReading) -> tuple[dict[str, Any], str]:
    """Words and numbers as plain data, and the arrays as text."""
    with_curves = steps_with_curves(neurons.tables)
    places, blob = packed(_arrays(reading, neurons, with_curves))
    added = added_rankings(neurons.curves)
    return {
        **_about(reading.run, neurons.table),
        "steps": list(neurons.tables),
        "withPruning": [*(neurons.earlier.steps if neurons.earlier else ()), neurons.table.step],
        "withCurves": [*with_curves, neurons.table.step],
        "threshold": neurons.classes.threshold,
        "rule": neurons.classes.rule,
        "automatic": [automatic_threshold(one) for one in neurons.tables.values()],
        "splits": _splits(reading),
        "before": [_before(reading, step) for step in neurons.tables],
        **_controls(neurons),
        "null": _null(neurons.table),
        "bins": BINS,
        "colours": {"high": HIGH.colour, "low": LOW.colour, "dead": CLASS_COLOUR["dead"]},
        "words": [_words(one) for one in neurons.tables.values()],
        "arrays": places,
        **({"rankings": list(added)} if added else {}),
    }, blob


def _arrays(
    reading: Reading, neurons: NeuronReading, with_curves: list[int]
) -> dict[str, np.ndarray]:
    every = list(neurons.tables.values())
    # Irreps have no phases.
    phases = np.stack([o.phases if o.is_cyclic else np.zeros_like(o.curve_ipr) for o in every])
    sizes = neurons.curves.sizes
    return {
        "ipr": np.stack([one.ipr for one in every]),
        "frequency": np.stack([one.frequency for one in every]).astype(np.uint16),
        "curve_ipr": share16(np.stack([one.curve_ipr for one in every])),
        "phases": np.rint(phases / np.pi * 32767).astype(np.int16),
        "norm": np.stack([one.norm for one in every]).astype(np.float32),
        "invariant_norm": np.stack([one.invariant_norm for one in every]).astype(np.float32),
        "shares": spectra_of(every),
        "sizes": sizes.astype(np.int32),
        "by_norm": _by_rankings(neurons.curves, NORMS),
        **_answer_frequencies(every),
        **_irreps(neurons.table),
        **_norm_weights(every),
        **_added_rankings(every, neurons.curves),
        **_curves(neurons.tables[step] for step in with_curves),
        **_newest_curves(neurons.table),
        **_newest_pruning(neurons.curves),
        **_earlier_pruning(neurons.earlier, reading.run.dataset),
    }


def _about(run: Run, table: NeuronTable) -> dict[str, Any]:
    return {
        "run": run.name,
        "seed": run.seed,
        "neurons": len(table),
        "elements": max(table.lengths),
        "lengths": list(table.lengths),
        "axis": GROUPS[table.group].axis,
        "curves": list(CURVES),
        "sign": table.task.operation.second_sign,
        "irreps": None if table.is_cyclic else list(table.block_names),
        "elementNames": None if table.is_cyclic else list(table.task.elements),
        "convention": ipr_words(table.convention, table.r),
        "caption": table.caption.rpartition(" · step")[0],
    }


def _irreps(table: NeuronTable) -> dict[str, np.ndarray]:
    """The functions of each irrep, which spectra and parts of curves are made of."""
    basis = table.basis
    if basis is None:
        return {}
    return {"functions": basis.matrix.T.astype(np.float32), "irrep": basis.block.astype(np.uint16)}


def _controls(neurons: NeuronReading) -> dict[str, Any]:
    control = neurons.curves.control
    return {
        "draws": 0 if control is None else control.draws,
        "earlierDraws": 0 if neurons.earlier is None else neurons.earlier.draws,
        "controlSeed": None if control is None else control.seed,
        "method": neurons.curves.method,
    }


def added_rankings(curves: PruningCurves) -> tuple[str, ...]:
    """The rankings that users added to IPR and norms."""
    return tuple(name for name in curves.rankings if not RANKINGS.is_own(name))


def _splits(reading: Reading) -> list[dict[str, Any]]:
    dataset = reading.run.dataset
    return [
        {
            "name": split,
            "meaning": SPLIT_MEANING[split],
            "examples": int(dataset.members(split).sum()),
            "colour": SPLIT_COLOUR[split],
            "dash": SPLIT_DASH[split],
        }
        for split in SPLITS
    ]


def _before(reading: Reading, step: int) -> list[float | None] | None:
    """Accuracies of the whole network; None where it was not scored."""
    for row in reading.run.measurements:
        if row.step == step:
            return [row.scores[split].accuracy for split in SPLITS]
    return None


def _answer_frequencies(tables: Sequence[NeuronTable]) -> dict[str, np.ndarray]:
    """Where answers have frequencies of their own, the dominant one of each neuron."""
    if tables[0].alike:
        return {}
    return {"answer_frequency": np.stack([t.frequencies[2] for t in tables]).astype(np.uint16)}


def _norm_weights(tables: Iterable[NeuronTable]) -> dict[str, np.ndarray]:
    rows = [one.norm_weight for one in tables if one.norm_weight is not None]
    return {"norm_weight": np.stack(rows).astype(np.float32)} if rows else {}


def _added_rankings(tables: Iterable[NeuronTable], curves: PruningCurves) -> dict[str, np.ndarray]:
    """Accuracies by (ranking, split, size), and each ranking's value of every neuron."""
    names = added_rankings(curves)
    if not names:
        return {}
    values = {
        f"ranking {place}": np.stack([RANKINGS[name](one) for one in tables]).astype(np.float32)
        for place, name in enumerate(names)
    }
    return {"by_ranking": _by_rankings(curves, names), **values}


def _by_rankings(curves: PruningCurves, names: Iterable[str]) -> np.ndarray:
    """(ranking, split, size) accuracies, pruned from the lowest."""
    return np.stack([_accuracies(curves[one, "lowest"], len(curves.sizes)) for one in names])


def _curves(earlier: Iterable[NeuronTable]) -> dict[str, np.ndarray]:
    """Curves of earlier checkpoints, a byte a residue."""
    rows = [_rectangular(one) for one in earlier]
    if not rows:
        return {}
    values, scale = quantized(np.stack(rows), 8)
    return {"curves": values, "curve_scale": scale}


def _newest_curves(table: NeuronTable) -> dict[str, np.ndarray]:
    values, scale = quantized(_rectangular(table), bits_of(len(table)))
    return {"newest_curves": values, "newest_scale": scale}


def _rectangular(table: NeuronTable) -> np.ndarray:
    """The curves as one array; of shorter ones, what is behind their end is not shown."""
    if table.alike:
        return np.asarray(table.ordered)
    longest = max(table.lengths)
    return np.stack([np.pad(one, ((0, 0), (0, longest - one.shape[1]))) for one in table.ordered])


def _newest_pruning(curves: PruningCurves) -> dict[str, np.ndarray]:
    """Accuracies by split and number of pruned neurons."""
    control, count = curves.control, len(curves.sizes)
    rows = (None,) * 3 if control is None else (control.mean, control.low, control.high)
    sizes = curves.sizes if control is None else control.mean.sizes
    return {
        "newest_after": _accuracies(curves["IPR", "lowest"], count),
        "newest_control": np.stack([_accuracies(row, len(sizes)) for row in rows]).astype(
            np.float32
        ),
        "newest_control_sizes": sizes.astype(np.int32),
    }


def _earlier_pruning(earlier: CheckpointCurves | None, dataset: Dataset) -> dict[str, np.ndarray]:
    """Right answers, which are whole numbers, and the control on its own sizes."""
    if earlier is None:
        return {}
    examples = np.array([int(dataset.members(split).sum()) for split in SPLITS])
    right = np.rint(np.nan_to_num(earlier.accuracy) * examples[:, None])
    return {
        "right": right.astype(np.uint16 if examples.max() < 2**16 else np.int32),
        "control": np.stack([earlier.mean, earlier.low, earlier.high]).astype(np.float32),
        "control_sizes": earlier.sizes.astype(np.int32),
    }


def _accuracies(curve: PruningCurve | None, sizes: int) -> np.ndarray:
    """(split, size) accuracies; NaN for an empty split or an absent control."""
    nothing = np.full(sizes, np.nan)
    found: Mapping[Split, np.ndarray | None] = {} if curve is None else curve.accuracy
    return np.stack([nothing if (row := found.get(s)) is None else row for s in SPLITS])


def _words(table: NeuronTable) -> dict[str, str]:
    """What the classes may be called at a checkpoint."""
    words = words_of(table)
    mark = class_mark(words)
    return {"low": words.low, "high": words.high, "sentence": words.sentence, "mark": mark}


def _null(table: NeuronTable) -> dict[str, Any] | None:
    """Share of noise curves' neurons in each bin of the histogram, and their mean IPR."""
    if table.elements < 2:  # no noise over one element
        return None
    null = table.null
    counts, _ = np.histogram(null.samples, np.linspace(0, 1, BINS + 1))
    share = (counts / len(null.samples)).round(5).tolist()
    return {"mean": null.mean, "share": share, "threshold": null.quantile(NULL_QUANTILE)}
