"""Tables of kinds: rows by name, loaded when first used, to which plug-ins and users add."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from interp.training.arguments import expected_words, shown, told
from interp.training.lines import note, with_kind

Kind = TypeVar("Kind")

# Modules or files that add rows, for every process that inherits the environment.
PLUGINS = "INTERP_PLUGINS"


# Why plug-ins could not be imported, by what the environment named.
_LOADED: dict[str, dict[str, str]] = {}


class Registry(Mapping[str, Kind], Generic[Kind]):
    """One kind of thing: losses, say. A row is the thing itself, or ``"module:name"`` of it.

    Besides the project's own rows there are those that :meth:`add` was called with, and those of
    installed packages with an entry point in the group. Names are known without loading a row.

    Args:
        noun: what a row is called in errors: ``loss``.
        rows: the project's own.
        group: of entry points, such as ``interp.losses``.
    """

    def __init__(self, noun: str, rows: Mapping[str, Kind | str], group: str | None = None) -> None:
        self.noun, self._group = noun, group
        self._rows: dict[str, Kind | str] = dict(rows)
        self._own = frozenset(rows)
        self._origin: dict[str, str] = {}
        self._installed = group is None
        self.problems: dict[str, str] = {}

    def add(self, name: str, row: Kind | str, origin: str) -> None:
        """Adds a row; the same place may add it again, as a notebook's cell does.

        Args:
            name: what users write.
            row: the thing, or ``"module:name"`` of it.
            origin: who adds it, for errors.

        Raises:
            ValueError: if the name is none, or another row has it.
        """
        if not isinstance(name, str) or not name.strip() or name != name.strip():
            raise ValueError(f"{self.noun}: expected a name of letters, got {shown(name)}")
        if self._rows.get(name) == ":".join(origin.rsplit(".", 1)):  # named before it was loaded
            self._rows[name] = row
            return
        if name in self._rows and self._origin.get(name) != origin:
            there = self._origin.get(name, "interp itself")
            raise ValueError(
                f"{self.noun} {name!r} is there already, from {there}; {origin} needs another name"
            )
        self._rows[name], self._origin[name] = row, origin

    def remove(self, name: str) -> None:
        """Takes a row away that was added."""
        if name in self._own:
            raise ValueError(f"{self.noun} {name!r} is interp's own and stays")
        self._rows.pop(name, None)
        self._origin.pop(name, None)

    def is_own(self, name: str) -> bool:
        """Whether a row is the project's own, not one that somebody added."""
        return name in self._own

    def check(self, name: str) -> str:
        """The name itself, if there is such a row; what the row holds is not loaded.

        Raises:
            ValueError: saying which rows there are, and which is nearest.
        """
        if isinstance(name, str) and name in self._rows:
            return name
        self._look_for_more()
        if not isinstance(name, str) or name not in self._rows:
            if isinstance(name, str) and name in self.problems:
                raise ValueError(f"{self.noun} {name!r}: {self.problems[name]}")
            raise ValueError(f"{self.noun}: {self.expected(name)}")
        return name

    def expected(self, got: object) -> str:
        """What to say of a word that is no row's name."""
        return expected_words(list(self._rows), got)

    def __getitem__(self, name: str) -> Kind:
        row = self._rows[self.check(name)]
        return self._load(name, row) if isinstance(row, str) else row

    def __iter__(self) -> Iterator[str]:
        self._look_for_more()
        return iter(list(self._rows))

    def __len__(self) -> int:
        self._look_for_more()
        return len(self._rows)

    def __contains__(self, name: object) -> bool:
        if name not in self._rows:
            self._look_for_more()
        return name in self._rows

    def _load(self, name: str, home: str) -> Any:
        module, _, attribute = home.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute)
            if self._rows[name] == home:  # a decorator in the module may have put the row there
                self._rows[name] = found
            return self._rows[name]
        except Exception as error:
            if self.is_own(name):
                raise
            self.problems[name] = f"{home} cannot be imported ({with_kind(error)})"
            del self._rows[name]
            raise ValueError(f"{self.noun} {name!r}: {self.problems[name]}") from None

    def _look_for_more(self) -> None:
        """Names that installed packages and the environment's plug-ins add."""
        load_plugins()
        if self._installed or self._group is None:
            return
        self._installed = True
        for point in entry_points(group=self._group):
            if self._origin.get(point.name) == point.value.replace(":", "."):
                continue  # its module has been imported, and the decorator in it has added the row
            try:
                self.add(point.name, point.value, f"entry point {point.value}")
            except ValueError as error:
                self.problems[point.name] = str(error)
                _note(point.value, str(error))
                if not self.is_own(point.name):  # which of the two is meant nobody can tell
                    self.remove(point.name)


def load_plugins() -> dict[str, str]:
    """Imports what the environment variable ``INTERP_PLUGINS`` names, once.

    It holds modules or ``.py`` files, with the system's separator of paths between them. One that
    fails is told, and the others work.

    Returns:
        Why some could not be imported, by their name.
    """
    names = os.environ.get(PLUGINS, "")
    if names in _LOADED:
        return _LOADED[names]
    # Before they are imported, as one of them may ask for rows.
    problems: dict[str, str] = {}
    _LOADED[names] = problems
    for name in filter(None, (part.strip() for part in names.split(os.pathsep))):
        try:
            load_plugin(name)
        except Exception as error:
            problems[name] = with_kind(error)
            _note(name, problems[name])
    return problems


def load_plugin(name: str) -> None:
    """Imports a module, or a file under a name that is its own."""
    if not name.endswith(".py"):
        importlib.import_module(name)
        return
    path = Path(name).resolve()
    module = f"interp_plugin_{path.stem}"
    there = getattr(sys.modules.get(module), "__file__", None)
    if there not in (None, str(path)):
        raise ValueError(f"{path}: expected a plug-in with a file name of its own; {there} has it")
    main = sys.modules.get("__main__")
    if there is not None or getattr(main, "__file__", None) == str(path):
        return
    spec = importlib.util.spec_from_file_location(module, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ValueError(f"{name}: expected a module or a .py file, found none")
    made = importlib.util.module_from_spec(spec)
    sys.modules[module] = made
    try:
        spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[module]
        raise


def origin_of(function: Any) -> str:
    """Who defines a function: its module and name, by which it may be defined again.

    Raises:
        TypeError: if it is none.
    """
    if not callable(function) or not hasattr(function, "__qualname__"):
        raise TypeError(f"expected a function to add, got {told(function)}")
    return f"{function.__module__}.{function.__qualname__}"


def _note(plugin: str, problem: str) -> None:
    """On stderr: who asks for a table of rows must not fail because of one plug-in."""
    note(f"plug-in {plugin} failed: {problem}")
