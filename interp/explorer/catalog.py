"""What lies in a folder: runs and sweeps, listed without loading a network."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interp.explorer.listing import Listed, Stamp, listed_run, stamp_of
from interp.explorer.sweeps import ListedSweep, in_a_cell, listed_sweep
from interp.training.sweep.store import PLAN, RESULTS, RUNS


@dataclass(frozen=True)
class Contents:
    """Runs and sweeps of a folder at a moment.

    Attributes:
        runs: by name, the path below the folder.
        sweeps: by name; "." is the folder itself.
        version: changes when anything does.
    """

    runs: Mapping[str, Listed]
    sweeps: Mapping[str, ListedSweep]
    version: int

    def row(self, name: str) -> Listed | None:
        """The row of a run or of a sweep's cell; None where there is none of that name."""
        rows = (one for sweep in self.sweeps.values() for one in sweep.rows if one.name == name)
        return self.runs.get(name) or next(rows, None)


@dataclass
class Catalog:
    """Watches a folder; reads only, and of what has changed only.

    Attributes:
        root: the folder, resolved.
    """

    root: Path
    _runs: dict[str, tuple[Stamp, Listed]] = field(default_factory=dict)
    _sweeps: dict[str, tuple[Stamp, ListedSweep]] = field(default_factory=dict)
    _version: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.root = self.root.resolve()

    def contents(self) -> Contents:
        """Everything in the folder and in the folders one level below."""
        with self._lock:
            return self._look()

    def _look(self) -> Contents:
        places = [self.root, *_folders(self.root)]
        runs: dict[str, Listed] = {}
        sweeps: dict[str, ListedSweep] = {}
        for place in places:
            name = "." if place == self.root else place.name
            if place.is_symlink() and not self._inside(place):
                runs[name] = Listed(name, error="a link that leaves the folder; not followed")
            elif (place / PLAN).exists() or (place / RESULTS).exists():
                sweeps[name] = self._sweep(name, place)
                runs |= self._unfinished(name, place, sweeps[name])
            elif _looks_like_run(place):
                runs[name] = self._run(name, place)
        self._forget(runs, sweeps)
        return Contents(runs, sweeps, self._version)

    def find(self, name: str) -> Path:
        """The run folder of a name.

        Raises:
            ValueError: if the name leads out of the folder, or to no run.
        """
        path = self.root / name
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise ValueError(f"run: expected a name in this folder, got {name!r}")
        if not self._inside(path):
            raise ValueError(f"run: {name!r} leads out of the folder; not opened")
        if not path.is_dir():
            raise ValueError(f"run: there is no {name!r} in this folder")
        return path

    def check_links(self, place: Path) -> None:
        """Refuses a run folder in which a link leads out of the folder.

        Raises:
            ValueError: naming the link.
        """
        for folder, names, files in os.walk(place):
            for name in (*names, *files):
                path = Path(folder, name)
                if path.is_symlink() and not self._inside(path):
                    inside = path.relative_to(place)
                    raise ValueError(f"{inside}: a link that leaves the folder; not followed")

    def _inside(self, path: Path) -> bool:
        # Unlike Path.resolve, it takes links that go round in circles.
        return Path(os.path.realpath(path)).is_relative_to(self.root)

    def _run(self, name: str, place: Path) -> Listed:
        stamp = stamp_of(place)
        if name not in self._runs or self._runs[name][0] != stamp:
            self._runs[name] = (stamp, self._listed(name, place))
            self._version += 1
        return self._runs[name][1]

    def _listed(self, name: str, place: Path) -> Listed:
        try:
            self.check_links(place)
        except ValueError as error:
            return Listed(name, error=str(error))
        return listed_run(name, place)

    def _sweep(self, name: str, place: Path) -> ListedSweep:
        stamp = stamp_of(place)
        if name not in self._sweeps or self._sweeps[name][0] != stamp:
            self._sweeps[name] = (stamp, listed_sweep(name, place))
            self._version += 1
        return self._sweeps[name][1]

    def _unfinished(self, name: str, place: Path, sweep: ListedSweep) -> dict[str, Listed]:
        """Run folders of a sweep that have no outcome yet, so that are training or broken off."""
        found = {}
        for folder in _folders(place / RUNS):
            if folder.name not in sweep.hashes:
                run = f"{RUNS}/{folder.name}" if name == "." else f"{name}/{RUNS}/{folder.name}"
                found[run] = in_a_cell(self._run(run, folder))
        return found

    def _forget(self, runs: Mapping[str, Any], sweeps: Mapping[str, Any]) -> None:
        known: tuple[tuple[dict[str, Any], Mapping[str, Any]], ...]
        known = (self._runs, runs), (self._sweeps, sweeps)
        for kept, there in known:
            for name in kept.keys() - there.keys():
                del kept[name]
                self._version += 1


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(p for p in place.iterdir() if not p.name.startswith(".") and p.is_dir())
    except OSError:
        return []


def _looks_like_run(place: Path) -> bool:
    marks = ("config.json", "metrics.jsonl", "checkpoints", "dataset.safetensors")
    return any((place / mark).exists() for mark in marks)
