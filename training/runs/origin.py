"""Where a run comes from: trained here, or imported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interp.training.untrusted import parse_json, read_text

if TYPE_CHECKING:
    from interp.training.runs.run import Run


_FILE = "import.json"


def write_origin(folder: Path, about: Mapping[str, Any]) -> None:
    """Writes what is known of an imported run into its folder."""
    from interp.training.runs.files import write_bytes

    content = json.dumps(dict(about), indent=2, ensure_ascii=False) + "\n"
    write_bytes(folder / _FILE, content.encode())


def origin_of(run: Run) -> dict[str, Any] | None:
    """What is known of an imported run; None for one that was trained here.

    Raises:
        ValueError: if the file was altered.
    """
    path = None if run.path is None else run.path / _FILE
    if path is None or not path.is_file():
        return None
    try:
        found: dict[str, Any] = parse_json(read_text(path))
        known = {name: found[name] for name in ("layout", "recognized", "assumed", "dropped")}
        return {**known, "questioned": found.get("questioned", [])}
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: expected what was told at import; altered") from None
