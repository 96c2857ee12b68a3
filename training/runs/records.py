"""What was noted of a run while it trained: a line a step, beside its scores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.training.display import Value, Values, plain
from interp.training.runs.files import FORMAT, append_bytes, check_format, write_bytes
from interp.training.untrusted import parse_json, read_regular

_NAME = "records.jsonl"
_MOST_BYTES = 2**28


@dataclass(frozen=True)
class Record:
    """What was noted at a step.

    Attributes:
        step: after how many updates.
        values: numbers by name, by the label of the measure.
        problems: why a measure had none, likewise.
    """

    step: int
    values: Mapping[str, Values]
    problems: Mapping[str, str]

    def to_line(self) -> str:
        """One line of JSON."""
        values = {
            label: {name: plain(one) for name, one in found.items()}
            for label, found in self.values.items()
        }
        found = {"step": self.step, "values": values, "problems": dict(self.problems)}
        return json.dumps(found) + "\n"


def write_records(run: Path, records: Iterable[Record], of: Mapping[str, str]) -> None:
    """Replaces all that was noted of a run.

    Args:
        run: its folder.
        records: at rising steps.
        of: digests of the measures' formulas and options, by label.
    """
    head = json.dumps({"format": FORMAT, "of": dict(of)}) + "\n"
    write_bytes(run / _NAME, (head + "".join(one.to_line() for one in records)).encode())


def append_record(run: Path, record: Record) -> None:
    """Adds a line; readers skip one that has not ended yet."""
    append_bytes(run / _NAME, record.to_line().encode())


def read_records(run: Path) -> tuple[tuple[Record, ...], dict[str, str]]:
    """What was noted of a run, and digests by label; nothing if nothing was.

    Raises:
        ValueError: if a finished line cannot be read.
    """
    path = run / _NAME
    if not path.is_file():
        return (), {}
    head, *lines = read_regular(path, _MOST_BYTES).split(b"\n")[:-1] or [b""]
    of = _head(path, head)
    records = []
    for number, line in enumerate(lines, start=2):
        try:
            records.append(_record(parse_json(line)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ValueError(f"{path}: line {number} is no record of a step; altered") from None
    return tuple(records), of


def _head(path: Path, line: bytes) -> dict[str, str]:
    """What was noted: digests by label."""
    try:
        top = parse_json(line)
        found = {str(label): str(digest) for label, digest in top["of"].items()}
        version = top["format"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{path}: line 1 does not say what was recorded; altered") from None
    check_format(version, path)
    return found


def _record(row: Any) -> Record:
    step, values, problems = row["step"], row["values"], row["problems"]
    if type(step) is not int or step < 0:
        raise ValueError
    found = {
        str(label): {str(name): _value(one) for name, one in given.items()}
        for label, given in values.items()
    }
    return Record(step, found, {str(label): str(why) for label, why in problems.items()})


def _value(given: Any) -> Value:
    """A value as it was; JSON has no infinite numbers."""
    if given == "never":
        return float("inf")
    if given is not None and not isinstance(given, bool | int | float | str):
        raise ValueError
    found: Value = given
    return found
