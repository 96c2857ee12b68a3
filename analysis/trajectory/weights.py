"""How much of the weights is left at the end of a run."""

from __future__ import annotations

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.numbers import Numbers
from interp.training.runs.run import Run


@measure("weights", reads="run", source="Doshi et al. 2024 (arXiv 2310.13061), appendix E")
def weights(run: Run) -> Numbers:
    """The norm of all weights at the end, relative to the greatest of the run."""
    every = [m.weight_norm for m in run.measurements]
    values = {"norm_left": every[-1] / max(every), "weight_norm_peak": max(every)}
    return Numbers(values, place(run.seed, run.measurement().step, run.name))
