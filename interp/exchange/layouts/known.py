"""The layouts that are known, and which of them a state dict has."""

from __future__ import annotations

from interp.exchange.layouts.encoder import DOSHI_TRANSFORMER
from interp.exchange.layouts.layout import Layout, Tensors, seen
from interp.exchange.layouts.mlp import DOSHI, PLAIN
from interp.exchange.layouts.transformer import BRIDGE, LEGACY

# The most particular first.
LAYOUTS: tuple[Layout, ...] = (LEGACY, BRIDGE, DOSHI_TRANSFORMER, DOSHI, PLAIN)


def find_layout(name: str, tensors: Tensors) -> Layout:
    """The layout of that name, or for ``auto`` the first that a state dict looks like.

    Raises:
        ValueError: listing the tensors seen and what each reader expects.
    """
    if name != "auto":
        named = [layout for layout in LAYOUTS if layout.name == name]
        if not named:
            names = ", ".join(layout.name for layout in LAYOUTS)
            raise ValueError(f"as: expected auto, {names}; got {name!r}")
        if not named[0].matches(tensors):
            raise ValueError(f"as {name}: expected {named[0].expects}; found {seen(tensors)}")
        return named[0]
    for layout in LAYOUTS:
        if layout.matches(tensors):
            return layout
    wanted = "; ".join(f"{layout.name}: {layout.expects}" for layout in LAYOUTS)
    raise ValueError(f"unknown layout: found {seen(tensors)}; readers expect {wanted}")
