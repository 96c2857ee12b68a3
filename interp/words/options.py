"""What options are called where there is no room for their dotted path, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class OptionWords:
    """The words for an option.

    Attributes:
        short: where there is little room, as in a panel's title or a table's head.
        axis: of a phase diagram, where it stands beside a second one; None for the dotted path.
        alone: of a chart over this option only, where it explains itself; None for the short word.
    """

    short: str
    axis: str | None = None
    alone: str | None = None


OPTIONS: Mapping[str, OptionWords] = {
    "data.fraction": OptionWords(
        "α", "data fraction α", "α, share of all pairs that is trained on"
    ),
    "data.corruption": OptionWords("ξ", "corruption ξ"),
    "optimizer.weight_decay": OptionWords("wd", alone="weight decay"),
    "optimizer.batch_size": OptionWords("batch"),
    "optimizer.lr": OptionWords("lr"),
    "model.dropout": OptionWords("dropout"),
    "model.width": OptionWords("N", alone="N, neurons"),
    "model.norm": OptionWords("norm"),
    "model.activation": OptionWords("φ"),
    "model.depth": OptionWords("layers"),
    "model.n_heads": OptionWords("heads"),
    "model.d_head": OptionWords("d_head"),
    "model.output_scale": OptionWords("logits ×"),
    "model.exponent": OptionWords("s", alone="exponent s"),
    "model.init": OptionWords("init"),
    "model.kind": OptionWords("network"),
    "task.p": OptionWords("p"),
    "task.operation": OptionWords("operation"),
    "task.group": OptionWords("group"),
    "loss": OptionWords("loss"),
}


def short_name(path: str) -> str:
    """An option where there is little room; its dotted path if it has no other name."""
    return OPTIONS[path].short if path in OPTIONS else path


def axis_name(path: str) -> str:
    """An option as an axis beside another."""
    known = OPTIONS.get(path)
    return path if known is None or known.axis is None else known.axis


def alone_name(path: str) -> str:
    """An option as the only axis, which explains itself."""
    known = OPTIONS.get(path)
    return short_name(path) if known is None or known.alone is None else known.alone
