"""What was measured of a finished run, kept beside it so that nothing is measured twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interp.training.runs.files import FORMAT, make_folder, write_bytes
from interp.training.runs.folder import CheckpointFolder, checkpoint_path
from interp.training.runs.tensor_file import read_digest
from interp.training.untrusted import MOST_BYTES, parse_json, read_regular


def write_measured(run: Path, digest: str, content: Mapping[str, Any]) -> None:
    """Keeps the content of a measure in a run folder, in one step.

    Args:
        run: the folder.
        digest: of the measure's formula and options.
        content: plain data.
    """
    make_folder(run / "measures", parents=False)
    text = json.dumps({"content": dict(content), "of": _weights(run)}, sort_keys=True)
    whole = {"format": FORMAT, "sha256": _sha256(text), "record": text}
    write_bytes(run / "measures" / f"{digest}.json", json.dumps(whole).encode())


def read_measured(run: Path, digest: str) -> dict[str, Any] | None:
    """What was kept of a measure; None if nothing was, it is damaged, or of other weights."""
    try:
        whole = parse_json(read_regular(run / "measures" / f"{digest}.json", MOST_BYTES))
        text = whole["record"]
        if whole["sha256"] != _sha256(text):
            return None
        record = parse_json(text)
        found: dict[str, Any] = record["content"]
        return found if record["of"] == _weights(run) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _weights(run: Path) -> str | None:
    """The digest of the newest checkpoint, by which other weights are noticed."""
    steps = list(CheckpointFolder(run))
    return read_digest(checkpoint_path(run, steps[-1])) if steps else None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
