"""What a run of all tests must have seen: a share of the lines, and the pages in a browser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from tests.browser import NO_CHROMIUM

ROOT = Path(__file__).parent.parent
# The least share of lines, in percent, of these folders together; compiled functions left out.
LEAST: Mapping[tuple[str, ...], float] = {("training", "analysis"): 98, ("interp",): 95}


def uncovered(
    coverage: Any, out: TextIO, least: Mapping[tuple[str, ...], float] = LEAST
) -> list[str]:
    """Writes the files with lines that no test has seen; says which folders have too many.

    Args:
        coverage: a :class:`coverage.Coverage` with data.
        out: where the tables go.
        least: share of lines in percent, by folders of the repository.
    """
    problems = []
    for folders, wanted in least.items():
        inside = [f"{ROOT}/{folder}/*" for folder in folders]
        found = coverage.report(include=inside, file=out, skip_covered=True, show_missing=True)
        name = " and ".join(folders)
        if found < wanted:
            problems.append(f"{name}: tests see {found:.1f} % of the lines, expected {wanted:g} %")
    return problems


def not_run(skipped: Iterable[Any]) -> str | None:
    """How many browser tests had no browser; None if every one had.

    Args:
        skipped: reports of the tests that were skipped, with (file, line, reason) in ``longrepr``.
    """
    reasons = [one.longrepr[2] for one in skipped if isinstance(one.longrepr, tuple)]
    count = sum(NO_CHROMIUM in reason for reason in reasons)
    if not count:
        return None
    return f"{count} browser test{'s' * (count > 1)} did not run: {NO_CHROMIUM}"
