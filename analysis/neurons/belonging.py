"""Tables, classes and curves belong to one network's layer; those of another are refused."""

from __future__ import annotations

from interp.analysis.neurons.classify import Classes
from interp.analysis.neurons.table import NeuronTable
from interp.analysis.neurons.weights import check_layer
from interp.training.arguments import of_kind
from interp.training.models.digest import weights_digest
from interp.training.models.network import Network


def check_network(table: NeuronTable, network: Network) -> None:
    """Refuses a table of another network.

    Raises:
        ValueError: if its neurons are not those of the network's layer, by their number or by the
            weights.
    """
    check_layer(network, table.layer)
    if len(table) != network.width:
        raise ValueError(
            f"table: expected that of this network, with {network.width} neurons, got {len(table)}"
        )
    if table.digest is not None and table.digest != weights_digest(network):
        raise ValueError(
            f"table: expected that of this network, got one of other weights ({table.name}, step "
            f"{table.step}); to prune by it all the same, give interp.prune a mask"
        )


def check_table(table: NeuronTable, what: str, neurons: int, key: str | None) -> None:
    """Refuses classes, say, that were not made from a table's neurons.

    Args:
        table: the neurons.
        what: the word for what belongs to them: ``classes``.
        neurons: how many it has.
        key: of the table that it was made from; None where that is not known.

    Raises:
        ValueError: if the number of neurons differs, or network, layer, basis or convention.
    """
    if neurons != len(table):
        raise ValueError(
            f"{what}: expected those of the table's {len(table)} neurons, got {neurons}"
        )
    if None not in (key, table.key) and key != table.key:
        raise ValueError(
            f"{what}: expected those of this table, got those of another network, layer, basis or "
            "convention"
        )


def check_classes(classes: Classes, table: NeuronTable) -> None:
    """As :func:`check_table`, for classes."""
    of_kind(classes, Classes, "classes, such as interp.classify(table)")
    check_table(table, "classes", len(classes.dead), classes.key)
