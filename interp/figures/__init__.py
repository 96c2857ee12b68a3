"""Figures: data in, ``go.Figure`` out; no side effects.

The names are loaded when first used: a phase diagram, say, needs no network.
"""

from __future__ import annotations

from interp.lazy import lazily

__getattr__, __dir__ = lazily(__name__, __file__)
__all__ = __dir__()
