"""What the chaos tests measured, in ``tests/benchmarks/results/chaos.md``."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.environment import environment

RESULT = Path(__file__).parents[1] / "benchmarks" / "results" / "chaos.md"
_HEAD = "# Chaos\n\nWhat `pytest -m chaos` measured beside what it asserted; no time is asserted.\n"


class Figures:
    """Figures of one part of the page, which is replaced when they are written.

    Args:
        part: its name.
    """

    def __init__(self, part: str) -> None:
        self._part = part
        self._rows: list[tuple[str, str]] = []

    def add(self, what: str, value: str) -> None:
        """Prints a figure, and keeps it."""
        print(f"{what}: {value}", flush=True)
        self._rows.append((what, value))

    def write(self) -> None:
        """Replaces the part of the page."""
        about = ", ".join(f"{name} {value}" for name, value in environment().items())
        lines = [f"`pytest -m chaos tests/chaos/test_{self._part}.py` · {about}", ""]
        lines += ["| what | measured |", "|---|---|"]
        lines += [f"| {what} | {value} |" for what, value in self._rows]
        parts = _parts()
        parts[self._part] = "\n".join(lines)
        text = "".join(f"\n## {name}\n\n{parts[name]}\n" for name in sorted(parts))
        RESULT.write_text(_HEAD + text, encoding="utf-8")


def _parts() -> dict[str, str]:
    """The parts of the page as it is."""
    if not RESULT.exists():
        return {}
    found = RESULT.read_text(encoding="utf-8").split("\n## ")[1:]
    split = (part.partition("\n\n") for part in found)
    return {name: text.strip() for name, _, text in split}
