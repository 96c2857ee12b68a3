"""The layouts that are known, and which of them a state dict has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from interp.exchange.layouts.cleaned import cleaned
from interp.exchange.layouts.encoder import DOSHI_TRANSFORMER
from interp.exchange.layouts.grokking import GROKKING
from interp.exchange.layouts.layout import Hints, Layout, Recognized, Tensors, seen
from interp.exchange.layouts.lens import BRIDGE, LEGACY
from interp.exchange.layouts.mlp import DOSHI, PLAIN
from interp.exchange.layouts.raw import RAW
from interp.training.registry import Registry

# The most particular first.
LAYOUTS: Mapping[str, Layout] = {
    layout.name: layout
    for layout in (GROKKING, LEGACY, BRIDGE, DOSHI_TRANSFORMER, DOSHI, PLAIN, RAW)
}
_WORDS: Registry[None] = Registry("as", dict.fromkeys(("auto", *LAYOUTS)))


def find_layout(name: str, tensors: Tensors, ignore: Sequence[str] = ()) -> Layout:
    """The layout of that name, or for ``auto`` the first that a state dict looks like.

    Its reader takes the state dict as it is: prefixes are stripped, constants set aside.

    Args:
        name: a row of LAYOUTS, or ``auto``.
        tensors: the foreign state dict.
        ignore: patterns of the names of tensors that are none of the network's weights.

    Raises:
        ValueError: naming the nearest layout of an unknown word; else listing the tensors seen
            and what each reader expects.
    """
    word, left = _WORDS.check(name), cleaned(tensors, ignore).tensors
    if word != "auto":
        layout = LAYOUTS[name]
        if not layout.matches(left):
            raise ValueError(f"as {name}: expected {layout.expects}; found {seen(left)}")
        return _cleaning(layout)
    for layout in LAYOUTS.values():
        if layout.matches(left):
            return _cleaning(layout)
    wanted = "; ".join(f"{layout.name}: {layout.expects}" for layout in LAYOUTS.values())
    raise ValueError(f"unknown layout: found {seen(left)}; readers expect {wanted}")


def _cleaning(layout: Layout) -> Layout:
    """The layout with a reader that takes a state dict as it is."""

    def read(tensors: Tensors, hints: Hints) -> Recognized:
        clean = cleaned(tensors, hints.ignore)
        found = layout.read(clean.tensors, replace(hints, constants=clean.constants))
        return replace(
            found,
            recognized=(*found.recognized, *clean.recognized),
            dropped=(*found.dropped, *clean.dropped),
        )

    return replace(layout, read=read)
