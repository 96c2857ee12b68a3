"""What the axes of spectra are called: frequencies, or irreps of a group without them."""

from __future__ import annotations

PLURAL = {"frequency": "frequencies", "irrep": "irreps"}
# What stands for the place of a spectrum in plotly's hover texts.
HOVERED = {"frequency": "%{x}", "irrep": "%{x}: %{text}"}


def axis_title(block: str, over: str = "") -> str:
    """Of the axis that spectra run along.

    Args:
        block: ``frequency`` or ``irrep``.
        over: which curves, where not all.
    """
    zero = "the constant" if block == "frequency" else "trivial"
    return f"{block}{over} (0 is {zero})"
