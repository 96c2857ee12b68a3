"""Sweeps small enough to be run in every test, and what two of them are compared by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from interp.training.sweep.table.results import Results

BASE: dict[str, Any] = {
    "task": {"p": 11},
    "model": {"width": 16},
    "steps": 30,
    "schedule": {"evaluations": 10, "checkpoints": 4},
}
FRACTIONS, CORRUPTIONS = [0.4, 0.8], [0.0, 0.5]
GRID: dict[str, Any] = {
    "base": BASE,
    "axes": {"data.fraction": FRACTIONS, "data.corruption": CORRUPTIONS},
}


def grid_file(folder: Path, values: dict[str, Any], name: str = "grid.yaml") -> Path:
    """A grid as users write it."""
    path = folder / name
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return path


def rows(results: Results) -> list[dict[str, Any]]:
    """Every column that does not tell time."""
    return results.table.drop_columns(["seconds", "finished"]).to_pylist()


def written(folder: Path) -> dict[str, tuple[int, int]]:
    """Which file it is, and when it was last written, of every whole file of runs and records."""
    files = [*folder.glob("runs/**/*"), *folder.glob("cells/*")]
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in files
        if path.is_file() and not path.name.startswith(".")
    }


def weights(folder: Path) -> dict[str, bytes]:
    """The bytes of every checkpoint, by place."""
    files = folder.glob("runs/*/checkpoints/*/model.safetensors")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def runs(folder: Path) -> set[str]:
    """Names of the run folders, without what a killed process was about to name."""
    return {path.name for path in folder.glob("runs/[!.]*")}
