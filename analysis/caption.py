"""Where shown numbers come from, in one line."""

from __future__ import annotations

from interp.analysis.fourier.ipr import CONVENTION_NAME, Convention
from interp.analysis.fourier.spectrum import BASIS_NAME
from interp.training.tasks.groups import Group


def caption(
    convention: Convention,
    r: float,
    group: Group,
    seed: int | None,
    step: int | None,
    where: str | None = None,
) -> str:
    """IPR convention, basis of the spectra, place in the network, seed, step, as far as known."""
    parts = [f"IPR: {CONVENTION_NAME[convention]}, r = {r:g}", BASIS_NAME[group]]
    return place(seed, step, *parts, *([] if where is None else [where]))


def place(seed: int | None, step: int | None, *parts: str) -> str:
    """Some words, then seed and step as far as they are known."""
    told = list(parts)
    if seed is not None:
        told.append(f"seed {seed}")
    if step is not None:
        told.append(f"step {step}")
    return " · ".join(told)
