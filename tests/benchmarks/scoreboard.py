"""Brings a scoreboard into the guide and beside the other results.

interp reproduce --all --budget quick --out reproduction
python -m tests.benchmarks.scoreboard reproduction
"""

from __future__ import annotations

import sys
from pathlib import Path

PAGE = Path("examples/guide/reference/reproduction.md")
RESULTS = Path(__file__).parent / "results" / "scoreboard.md"
START, END = "<!-- scoreboard: start -->", "<!-- scoreboard: end -->"


def with_scoreboard(guide: str, scoreboard: str) -> str:
    """A page of the guide with the head and table of a scoreboard between its two marks.

    Raises:
        ValueError: if the marks are not there once each, in their order.
    """
    before, start, rest = guide.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"guide: expected {START} and {END}")
    table = scoreboard.partition("\n## ")[0].partition("\n")[2].strip()
    return f"{before}{START}\n\n{table}\n\n{END}{after}"


def main() -> None:
    """Copies the scoreboard of a folder."""
    text = (Path(sys.argv[1]) / "scoreboard.md").read_text(encoding="utf-8")
    PAGE.write_text(with_scoreboard(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
