"""Pages of the public names, made of their docstrings."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
NAME = re.compile(r"^from (\S+) import (\w+) as (\w+)", flags=re.M)
LISTS = {
    "interp": ("interp/__init__.pyi", "reference/names.md"),
    "interp.figures": ("interp/figures/__init__.pyi", "reference/names_of_figures.md"),
    "interp.exchange": ("interp/exchange/__init__.pyi", "reference/names_of_exchange.md"),
}
# What functions give back, and people use.
RESULTS = {
    "Run": "interp.training.runs.run",
    "Checkpoint": "interp.training.runs.checkpoint",
    "Dataset": "interp.training.data.dataset",
    "Scores": "interp.training.data.scores",
    "NeuronTable": "interp.analysis.neurons.table",
    "Classes": "interp.analysis.neurons.classify",
    "PruningCurves": "interp.analysis.ablation.curves",
    "Results": "interp.training.sweep.table.results",
    "PhaseDiagram": "interp.analysis.sweeps.diagram",
    "Measure": "interp.analysis.measure",
}
HEADS = {
    "interp": "Every public name of `interp`, in alphabetical order; below, what they give back. "
    "Figures and networks in and out have pages of their own: "
    "[`interp.figures`](names_of_figures.md), [`interp.exchange`](names_of_exchange.md). "
    "`help(interp.sweep)` tells the same.",
    "interp.figures": "Each gives a `plotly.graph_objects.Figure`, or writes some. Every result's "
    "`plot()` draws the figure that belongs to it, so these are needed for options only.",
    "interp.exchange": "Networks in from other code, and out ([how to](../how/checkpoints.md)).",
}


def listed(package: str) -> list[tuple[str, str]]:
    """Public names of a package with where each is, in alphabetical order."""
    text = (ROOT / LISTS[package][0]).read_text("utf-8")
    found = [(public, f"{module}.{name}") for module, name, public in NAME.findall(text)]
    return sorted(found, key=lambda one: one[0].lower())


def pages() -> dict[str, str]:
    """A page a package."""
    found = {}
    for package, (_, place) in LISTS.items():
        lines = [f"# Names of {package}", "", HEADS[package], ""]
        for public, home in listed(package):
            lines += _entry(f"{package}.{public}", home)
        if package == "interp":
            lines += ["## What they give back", ""]
            for name, module in RESULTS.items():
                lines += _entry(name, f"{module}.{name}")
        found[place] = "\n".join(lines)
    return found


def _entry(title: str, home: str) -> list[str]:
    """A heading with the name as people write it, and below what its docstring says."""
    if home == "interp.figures":  # a package of names
        return [f"### {title}", "", "[A page of its own](names_of_figures.md).", ""]
    options = {"heading": title, "toc_label": title}
    return [f"::: {home}", "    options:", *(f"      {k}: {v}" for k, v in options.items()), ""]
