"""Where a run comes from: trained here, imported, pruned or filtered; in one place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from interp.training.runs.files import write_bytes
from interp.training.untrusted import parse_json, read_text

_IMPORTED, _PRUNED = "import.json", "pruned.json"
_TOLD = ("layout", "recognized", "assumed", "dropped")  # at import
# Of what was told at import: lists of lines and a truth value; the rest are words.
_LINES: Mapping[str, Any] = dict.fromkeys(
    ("recognized", "assumed", "dropped", "questioned", "elements"), list
)
_KINDS: Mapping[str, Any] = {**_LINES, "dataset_known": bool}
_FIELDS: Mapping[str, Any] = {"str": str, "int": int, "float": int | float}


@dataclass(frozen=True)
class Pruned:
    """A pruning that a network came out of; nothing was retrained.

    Attributes:
        run: name of the run that was pruned.
        step: of its checkpoint.
        layer: hidden layer, counted from 0.
        kept, neurons: how many of how many neurons of that layer are left.
        threshold: the IPR from which a neuron was kept.
        rule: how that was found.
    """

    run: str
    step: int
    layer: int
    kept: int
    neurons: int
    threshold: float
    rule: str

    @property
    def words(self) -> str:
        """In one line."""
        layer = f" of hidden layer {self.layer}" if self.layer else ""
        return (
            f"pruned from {self.run} at step {self.step}: {self.kept} of {self.neurons} neurons"
            f"{layer} kept ({self.rule}, IPR ≥ {self.threshold:.3f}); nothing was retrained"
        )


@dataclass(frozen=True)
class Filtered:
    """A filtering that a network came out of; nothing was retrained.

    Attributes:
        run: name of the run that was filtered.
        step: of its checkpoint.
        part: ``G`` for the blocks that were kept, ``R`` for the rest.
        by: what chose the blocks.
        kept, blocks: how many of how many blocks each neuron keeps in the G-net.
    """

    run: str
    step: int
    part: str
    by: str
    kept: int
    blocks: int

    @property
    def words(self) -> str:
        """In one line."""
        left = "kept" if self.part == "G" else "taken away"
        return (
            f"filtered from {self.run} at step {self.step}: {self.part}-net, {self.kept} of "
            f"{self.blocks} blocks {left}, chosen by {self.by}; nothing was retrained"
        )


@dataclass(frozen=True)
class Origin:
    """What happened to a network before it became this run; nothing if it was trained here.

    Attributes:
        imported: what was told when a checkpoint of other code was taken in; ``elements`` are the
            names of its operands and answers, where they were found to be a group's.
        pruned: the prunings and filterings since, the last one first.
    """

    imported: Mapping[str, Any] | None = None
    pruned: tuple[Pruned | Filtered, ...] = ()

    @property
    def trained_here(self) -> bool:
        """Whether the run folder is that of the training."""
        return self.imported is None and not self.pruned

    @property
    def kind(self) -> str:
        """The last thing that happened, in a word."""
        if self.pruned:
            return "pruned" if isinstance(self.pruned[0], Pruned) else "filtered"
        return "trained" if self.imported is None else "imported"

    @property
    def words(self) -> str:
        """Where the network comes from, in one line."""
        parts = [one.words for one in self.pruned]
        if self.imported is not None:
            parts.append(self._imported())
        return ". Before: ".join(parts) or "trained here"

    def _imported(self) -> str:
        told = self.imported or {}
        file = f" from {told['file']}" if told.get("file") else ""
        return (
            f"imported{file}, layout {told['layout']}; assumed: "
            f"{'; '.join(told['assumed']) or 'nothing'}"
            + "".join(f"; questioned: {line}" for line in told["questioned"])
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the kind, the words, and what they are made of."""
        return {
            "kind": self.kind,
            "words": self.words,
            "imported": None if self.imported is None else dict(self.imported),
            "pruned": [asdict(one) for one in self.pruned],
        }


TRAINED_HERE = Origin()


def write_origin(folder: Path, origin: Origin) -> None:
    """Writes where a run comes from into its folder; nothing for one that was trained there."""
    about = origin.to_dict()
    for name, told in ((_IMPORTED, about["imported"]), (_PRUNED, about["pruned"])):
        if told:
            content = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
            write_bytes(folder / name, content.encode())


def read_origin(folder: Path) -> Origin:
    """Where the run of a folder comes from.

    Raises:
        ValueError: if a file that tells it was altered.
    """
    told = _read(folder / _IMPORTED, _of_import, "what was told at import")
    return Origin(told, _read(folder / _PRUNED, _of_prunings, "what was pruned") or ())


def _read(path: Path, parsed: Any, expected: str) -> Any:
    if not path.is_file():
        return None
    try:
        return parsed(parse_json(read_text(path)))
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: expected {expected}; altered") from None


def _of_import(found: dict[str, Any]) -> dict[str, Any]:
    known = {name: found[name] for name in _TOLD}
    # Older folders lack the others.
    later: dict[str, Any] = {
        name: found[name] for name in ("file", "dataset_known", "elements") if name in found
    }
    told = {**later, **known, "questioned": found.get("questioned", [])}
    for name, one in told.items():
        lines = one if name in _LINES else []
        if not isinstance(one, _KINDS.get(name, str | None)) or not all(map(_is_text, lines)):
            raise TypeError
    return told


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _of_prunings(found: list[dict[str, Any]]) -> tuple[Pruned | Filtered, ...]:
    prunings = tuple(Filtered(**one) if "part" in one else Pruned(**one) for one in found)
    for one in prunings:
        for field in fields(one):
            if not isinstance(getattr(one, field.name), _FIELDS[str(field.type)]):
                raise TypeError
    return prunings
