"""Networks out to other people's tools and in from their checkpoints.

to_bridge           a Transformer as TransformerLens' bridge
import_checkpoint   a foreign checkpoint as a run folder
Known, Rule         what its tensors do not tell; how its dataset was drawn
publish             a run as a folder fit for a model hub
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.lazy import lazily

if TYPE_CHECKING:
    from interp.exchange.bridge import to_bridge as to_bridge
    from interp.exchange.foreign_data import Rule as Rule
    from interp.exchange.importing import Known as Known
    from interp.exchange.importing import import_checkpoint as import_checkpoint
    from interp.exchange.plain import plain_state as plain_state
    from interp.exchange.plain import write_state as write_state
    from interp.exchange.publishing import publish as publish

_HOME = {
    "Known": "interp.exchange.importing",
    "Rule": "interp.exchange.foreign_data",
    "import_checkpoint": "interp.exchange.importing",
    "plain_state": "interp.exchange.plain",
    "publish": "interp.exchange.publishing",
    "to_bridge": "interp.exchange.bridge",
    "write_state": "interp.exchange.plain",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazily(__name__, _HOME)
