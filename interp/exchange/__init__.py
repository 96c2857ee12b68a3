"""Networks out to other people's tools and in from their checkpoints.

to_bridge           a Transformer as TransformerLens' bridge
import_checkpoint   a foreign checkpoint as a run folder
Known, Rule         what its tensors do not tell; how its dataset was drawn
network_run         an adapted module, or several by step, as a run
publish             a run as a folder fit for a model hub
"""

from __future__ import annotations

from interp.lazy import lazily

__getattr__, __dir__ = lazily(__name__, __file__)
__all__ = __dir__()
