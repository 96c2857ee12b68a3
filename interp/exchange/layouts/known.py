"""The layouts that are known, and which of them a state dict has."""

from __future__ import annotations

from collections.abc import Mapping

from interp.exchange.layouts.encoder import DOSHI_TRANSFORMER
from interp.exchange.layouts.layout import Layout, Tensors, seen
from interp.exchange.layouts.lens import BRIDGE, LEGACY
from interp.exchange.layouts.mlp import DOSHI, PLAIN
from interp.training.registry import Registry

# The most particular first.
LAYOUTS: Mapping[str, Layout] = {
    layout.name: layout for layout in (LEGACY, BRIDGE, DOSHI_TRANSFORMER, DOSHI, PLAIN)
}
_WORDS: Registry[None] = Registry("as", dict.fromkeys(("auto", *LAYOUTS)))


def find_layout(name: str, tensors: Tensors) -> Layout:
    """The layout of that name, or for ``auto`` the first that a state dict looks like.

    Raises:
        ValueError: naming the nearest layout of an unknown word; else listing the tensors seen
            and what each reader expects.
    """
    if _WORDS.check(name) != "auto":
        layout = LAYOUTS[name]
        if not layout.matches(tensors):
            raise ValueError(f"as {name}: expected {layout.expects}; found {seen(tensors)}")
        return layout
    for layout in LAYOUTS.values():
        if layout.matches(tensors):
            return layout
    wanted = "; ".join(f"{layout.name}: {layout.expects}" for layout in LAYOUTS.values())
    raise ValueError(f"unknown layout: found {seen(tensors)}; readers expect {wanted}")
