"""What a run folder says of itself without torch: its configuration and its scores."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.training.config.places import in_folder
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.data.scores import Scores
from interp.training.runs.files import append_bytes, check_format, write_bytes
from interp.training.untrusted import MOST_BYTES, parse_json, read_regular

_MOST_SCORES = 2**28  # bytes of a score history: a quarter of a million evaluations

_NUMBERS = {float, int, type(None)}


@dataclass(frozen=True)
class Measurement:
    """Scores of the network after ``step`` updates, and the norm of all its weights."""

    step: int
    scores: Scores
    weight_norm: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data, one line of ``metrics.jsonl``."""
        return {"step": self.step, "weight_norm": self.weight_norm, "scores": self.scores.to_dict()}


def write_measurements(run: Path, measurements: tuple[Measurement, ...]) -> None:
    """Replaces the run's score history."""
    lines = "".join(json.dumps(row.to_dict()) + "\n" for row in measurements)
    write_bytes(run / "metrics.jsonl", lines.encode())


def append_measurement(run: Path, measurement: Measurement) -> None:
    """Adds a line to the run's score history; readers skip a line that has not ended yet."""
    line = json.dumps(measurement.to_dict()) + "\n"
    append_bytes(run / "metrics.jsonl", line.encode())


def read_seconds(run: Path) -> float | None:
    """Seconds that a finished run took to train, since it was last resumed; None if unknown."""
    try:
        return float(parse_json(read_regular(run / "DONE", MOST_BYTES))["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_stopped(run: Path) -> str | None:
    """Why a finished run ended before its last step; None for one that did not.

    Raises:
        ValueError: if what is said of its end was altered.
    """
    path = run / "DONE"
    if not path.is_file():
        return None
    try:
        content = parse_json(read_regular(path, MOST_BYTES))
    except ValueError:
        return None
    found = content.get("stopped") if isinstance(content, dict) else None
    if not isinstance(found, str | None):
        raise ValueError(f"{path}: expected why the run stopped, as text; altered")
    return found


def stopped_at(step: int, reason: str) -> str:
    """For sentences whose subject is the run."""
    return f"stopped at step {step}: {reason}"


def read_run_config(folder: Path) -> RunConfig:
    """Configuration of a run folder.

    Raises:
        ValueError: if it is missing, malformed or of a newer format.
    """
    path = folder / "config.json"
    if not path.is_file():
        sweep = (folder / "sweep.json").is_file()
        found = f"a sweep, whose runs lie in {folder / 'runs'}" if sweep else "none"
        raise ValueError(f"{folder}: expected a run folder (with config.json), found {found}")
    raw = read_regular(path, MOST_BYTES)
    try:
        values = dict(parse_json(raw))
    except (ValueError, TypeError):
        raise ValueError(f"{path}: not a JSON configuration; truncated or altered") from None
    check_format(values.pop("format", None), path)
    try:
        return parse_config(in_folder(values, folder))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_measurements(folder: Path) -> tuple[Measurement, ...]:
    """The score history; a last line that is still being written is left out.

    Raises:
        ValueError: if a finished line cannot be read.
    """
    path = folder / "metrics.jsonl"
    if not path.is_file():
        return ()
    rows = []
    for number, line in enumerate(read_regular(path, _MOST_SCORES).split(b"\n")[:-1], start=1):
        try:
            rows.append(_measurement(line.decode().strip()))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ValueError(f"{path}: line {number} is no measurement; altered") from None
    return tuple(rows)


# A history has lines by the thousand, and numbers by the ten thousand: each costs a few µs.
_decode = json.JSONDecoder().raw_decode


def _measurement(line: str) -> Measurement:
    """The inverse of :meth:`Measurement.to_dict`."""
    row, end = _decode(line)
    step, norm, scores = row["step"], row["weight_norm"], row["scores"]
    numbers = [one for score in scores.values() for one in score.values()]
    numbers.append(norm)
    fine = end == len(line) and type(step) is int and step >= 0 and norm is not None
    if not fine or not _are_numbers(numbers):
        raise ValueError
    return Measurement(step, Scores.from_dict(scores), norm)


def _are_numbers(values: list[Any]) -> bool:
    """Whether all are numbers that a float can hold, or None, which stands for none."""
    kinds = set(map(type, values))
    if int in kinds and any(type(one) is int and abs(one) >= 2**53 for one in values):
        return False
    return kinds <= _NUMBERS
