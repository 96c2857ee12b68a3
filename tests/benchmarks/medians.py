"""A page of one table: what was measured, median and range, and what is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.timing import Spread


def in_digits(found: Spread, digits: int) -> str:
    """``0.44 (0.42 – 0.49)``."""
    return f"{found.median:.{digits}f} ({found.low:.{digits}f} – {found.high:.{digits}f})"


def medians_page(title: str, about: str, rows: Sequence[tuple[str, str, str]]) -> str:
    """The table as markdown.

    Args:
        title: of the page.
        about: command, environment and rounds, in one line.
        rows: what, the value, and what is wanted.
    """
    lines = [f"# {title}", "", about, "", "| what | median (range) | wanted |", "|---|---|---|"]
    lines += [f"| {what} | {value} | {wanted} |" for what, value, wanted in rows]
    return "\n".join(lines) + "\n"
