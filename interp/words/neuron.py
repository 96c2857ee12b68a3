"""What one neuron does, in a sentence."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from interp.words.sentences import number

if TYPE_CHECKING:
    from interp.analysis.neurons.classify import Classes
    from interp.analysis.neurons.table import NeuronTable

_CURVES = ("U", "V", "W")


def neuron_words(table: NeuronTable, classes: Classes | None, neuron: int) -> str:
    """Class, IPR of each curve, strongest frequency or irrep, phases and weight norm.

    Args:
        table: of the neurons.
        classes: by which cut; None where there is none.
        neuron: which one.
    """
    if table.dead[neuron]:
        return f"Neuron {neuron} is dead: it has no power, hence no IPR."
    kind = "no cut between classes" if classes is None else _kind(classes, neuron)
    by_curve = ", ".join(
        f"{name} {number(float(ipr))}"
        for name, ipr in zip(_CURVES, table.curve_ipr[:, neuron], strict=True)
    )
    parts = [
        f"Neuron {neuron}: {kind}",
        f"IPR {number(float(table.ipr[neuron]))} ({by_curve})",
        f"{table.block} {_strongest(table, neuron)}",
    ]
    if table.is_cyclic:
        phases = ", ".join(_radians(one) for one in table.phases[:, neuron])
        parts.append(f"phases a, b, c = {phases} rad")
    error = table.phase_error
    if error is not None:
        parts.append(f"off the rule by {_radians(error[neuron])} rad")
    parts.append(f"weight norm {number(float(table.norm[neuron]))}")
    return " · ".join(parts) + "."


def classes_of(table: NeuronTable) -> Classes | None:
    """By the optimal cut, whose doubts the words of the classes tell; None where there is none."""
    from interp.analysis.neurons.classify import classify, has_cut

    if not has_cut(table):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return classify(table, "auto")


def _kind(classes: Classes, neuron: int) -> str:
    side = "≥" if classes.generalizing[neuron] else "<"
    return f"{classes.names[neuron]} (IPR {side} {classes.threshold:.3f}, {classes.rule})"


def _strongest(table: NeuronTable, neuron: int) -> str:
    """Of the answers, since all curves of a neuron need not have the same."""
    block = int(table.frequencies[2][neuron])
    return str(block) if table.block == "frequency" else str(table.block_names[block])


def _radians(angle: float) -> str:
    return f"{angle:.2f}".replace("-", "−")
