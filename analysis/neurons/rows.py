"""Neurons as rows: the columns of a neuron table, in Arrow."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_SUFFIX = ("u", "v", "w")


def arrow_table(table: Any) -> pa.Table:
    """One row a neuron; values that a dead neuron does not have are null.

    Args:
        table: a :class:`interp.analysis.neurons.table.NeuronTable`.
    """
    columns: dict[str, Any] = {
        "neuron": np.arange(len(table)),
        "dead": table.dead,
        "ipr": table.ipr,
        **{f"ipr_{s}": row for s, row in zip(_SUFFIX, table.curve_ipr, strict=True)},
        "gini": table.gini,
        "norm": table.norm,
        "invariant_norm": table.invariant_norm,
        "constant_share": table.constant_share,
        "zero_share": table.zero_share,
        table.block: np.where(table.dead, -1, table.frequency),
        **{f"{table.block}_{s}": row for s, row in zip(_SUFFIX, table.frequencies, strict=True)},
    }
    if table.is_cyclic:
        columns |= {f"phase_{s}": row for s, row in zip(_SUFFIX, table.phases, strict=True)}
    if table.phase_error is not None:
        columns["phase_error"] = table.phase_error
    if table.norm_weight is not None:
        columns["norm_weight"] = table.norm_weight
    if table.origin is not None and table.origin.additive is not None:
        columns["additive_share"] = table.origin.additive
    for name in columns.keys() - {"neuron", "dead", "norm", "invariant_norm", "norm_weight"}:
        hidden = np.isnan(columns[name].astype(float)) | table.dead
        columns[name] = pa.array(columns[name], mask=hidden)
    return pa.table(columns).replace_schema_metadata({"interp": json.dumps(_about(table))})


def _about(table: Any) -> dict[str, Any]:
    """Where the rows come from."""
    names = ("group", "convention", "r", "step", "seed", "name", "layer", "activation", "degree")
    return {"task": table.task.name, **{name: getattr(table, name) for name in names}}


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content
