"""Plug-ins that tests write: a file, the environment that names it, and nothing left after it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from interp.analysis.measures import MEASURES
from interp.gallery import FIGURES
from interp.training import registry

# A measure as a user writes it; every call leaves a line in the file that CALLS names.
SPEED = '''"""How fast the weights move."""

from __future__ import annotations

import os
from dataclasses import dataclass

import plotly.graph_objects as go

from interp import Numbers, figure, measure


@dataclass(frozen=True, repr=False)
class Speed(Numbers):
    """Numbers with a figure of their own."""


@figure(Speed)
def draw(result):
    return go.Figure(layout={"title": {"text": f"Speed · {result.caption}"}})


@measure("speed", reads="run", source="nobody, 2026")
def speed(run, *, factor: float = 1.0):
    """How fast the weight norm grows, for every step.

    Args:
        factor: that it is multiplied by.
    """
    if calls := os.environ.get("CALLS"):
        with open(calls, "a") as file:
            file.write(f"{run.name}\\n")
    first, last = run.measurements[0], run.measurements[-1]
    change = (last.weight_norm - first.weight_norm) / (last.step - first.step)
    return Speed({"speed": factor * change, "steps": last.step})
'''


class Plugins:
    """Writes plug-ins into a folder, and names them in the environment."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch
        self._before = [(table, set(table)) for table in (MEASURES, FIGURES)]
        self.paths: list[Path] = []

    def write(self, **texts: str) -> None:
        """Plug-ins by name, in place of those that were there."""
        self.forget()
        for name, text in texts.items():
            path = self.folder / f"{name}.py"
            path.write_text(text)
            self.paths.append(path)
        names = os.pathsep.join(map(str, self.paths))
        self._monkeypatch.setenv(registry.PLUGINS, names)

    def forget(self) -> None:
        """As if none had been there."""
        for path in self.paths:
            sys.modules.pop(f"interp_plugin_{path.stem}", None)
        self.paths.clear()
        self._monkeypatch.delenv(registry.PLUGINS, raising=False)
        registry._LOADED.clear()
        for table, names in self._before:
            for name in set(table) - names:
                table.remove(name)
            table.problems.clear()

    def calls(self) -> list[str]:
        """Names of the runs that the measures were called with; counted from now on at first."""
        path = self.folder / "calls.txt"
        self._monkeypatch.setenv("CALLS", str(path))
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture()
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugins]:
    """Writes plug-ins."""
    monkeypatch.delenv(registry.PLUGINS, raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two versions may be of one second
    found = Plugins(tmp_path, monkeypatch)
    yield found
    found.forget()


def growth(run: Any) -> Mapping[str, float]:
    """What the plug-in's measure gives, by the history of the run."""
    norms = [row.weight_norm for row in run.measurements]
    return {"speed": (norms[-1] - norms[0]) / run.config.steps, "steps": run.config.steps}
