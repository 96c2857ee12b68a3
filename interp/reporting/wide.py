"""What a report shows of a layer of very many neurons: a part of what is dear by the neuron."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from interp.analysis.ablation.curves import PruningCurves
from interp.analysis.ablation.passes import Grid
from interp.analysis.neurons.table import NeuronTable

WIDE = 1000  # more neurons than this
DRAWS, CHECKPOINTS = 6, 2  # of the random control; before the newest, with a pruning curve
EARLIER_DRAWS = 2  # of the control at these
LAZY_DRAWS, PROGRESS_STEPS = 1, 3
CONTROL_SIZES = 51  # numbers of neurons that random prunings remove, in layers of any width
_SIZES = 251
_BITS = 8  # of a residue of a curve
_ROWS = 500  # of the picture of all spectra


def is_wide(neurons: int) -> bool:
    """Whether a layer has so many neurons."""
    return neurons > WIDE


def grid_of(neurons: int) -> Grid:
    """About how many numbers of pruned neurons are scored."""
    return Grid(_SIZES if is_wide(neurons) else neurons + 1, CONTROL_SIZES)


def bits_of(neurons: int) -> int:
    """Of a residue of the newest curves."""
    return _BITS if is_wide(neurons) else 16


def spectra_of(tables: Sequence[NeuronTable]) -> UInt8[np.ndarray, "step row block"]:
    """Shares of power in 255ths: a row a neuron, or in a wide layer the mean of several.

    The neurons of a wide layer stand by their IPR, the lowest first and the dead before it.
    """
    return np.stack([np.rint(_rows(one) * 255).astype(np.uint8) for one in tables])


def _rows(table: NeuronTable) -> np.ndarray:
    if not is_wide(len(table)):
        return table.shares
    order = np.argsort(np.where(table.dead, -1, table.ipr), kind="stable")
    return np.stack([table.shares[some].mean(axis=0) for some in np.array_split(order, _ROWS)])


def words_of(curves: PruningCurves) -> str:
    """What is shown by a part, in a layer of very many neurons; nothing in another one."""
    neurons, draws = curves.neurons, 0 if curves.control is None else curves.control.draws
    if not is_wide(neurons):
        return ""
    return (
        f"This layer has {neurons:,} neurons, of which a part is drawn: spectra as {_ROWS} rows, "
        f"each the mean of neighbours by IPR; pruning curves at {len(curves.sizes)} numbers of "
        f"neurons and at no more than {CHECKPOINTS} checkpoints before the newest, beside {draws} "
        f"random prunings; curves of neurons at the newest checkpoint, to {_BITS} bits"
    )
