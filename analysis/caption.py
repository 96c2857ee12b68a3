"""Where shown numbers come from, in one line."""

from __future__ import annotations

from interp.analysis.fourier.conventions import CONVENTIONS, Convention
from interp.training.tasks.groups import GROUPS


def caption(
    convention: Convention,
    r: float,
    group: str,
    seed: int | None,
    step: int | None,
    place: str | None = None,
) -> str:
    """IPR convention, basis of the spectra, place in the network, seed, step, as far as known."""
    parts = [f"IPR: {CONVENTIONS[convention].words}, r = {r:g}", GROUPS[group].words]
    if place is not None:
        parts.append(place)
    if seed is not None:
        parts.append(f"seed {seed}")
    if step is not None:
        parts.append(f"step {step}")
    return " · ".join(parts)
