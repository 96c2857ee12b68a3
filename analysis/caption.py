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
    where: str | None = None,
) -> str:
    """IPR convention, basis of the spectra, place in the network, seed, step, as far as known."""
    parts = [f"IPR: {ipr_words(convention, r)}", GROUPS[group].words]
    return place(seed, step, *parts, *([] if where is None else [where]))


def ipr_words(convention: Convention, r: float) -> str:
    """How an IPR is counted: the convention, and the exponent."""
    return f"{CONVENTIONS[convention].words}, r = {r:g}"


def place(seed: int | None, step: int | None, *parts: str) -> str:
    """Some words, then seed and step as far as they are known."""
    told = list(parts)
    if seed is not None:
        told.append(f"seed {seed}")
    if step is not None:
        told.append(f"step {step}")
    return " · ".join(told)


def percent(share: float) -> str:
    """A share in percent, with as many digits as it was given with, so that 0.999 is not 100%."""
    return f"{100 * share:.12g}%"
