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
    place: str | None = None,
) -> str:
    """IPR convention, basis of the spectra, place in the network, seed, step, as far as known."""
    parts = [f"IPR: {CONVENTION_NAME[convention]}, r = {r:g}", BASIS_NAME[group]]
    if place is not None:
        parts.append(place)
    if seed is not None:
        parts.append(f"seed {seed}")
    if step is not None:
        parts.append(f"step {step}")
    return " · ".join(parts)
