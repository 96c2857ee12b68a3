"""The gate of coverage, and what is said where there is no browser."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from tests.browser import NO_CHROMIUM
from tests.gate import LEAST, ROOT, not_run, uncovered


class Seen:
    """Coverage of so many percent, by folder."""

    def __init__(self, **shares: float) -> None:
        self.shares, self.asked = shares, []

    def report(self, include, file, **options):
        self.asked.append(include)
        return min(self.shares[one.split("/")[-2]] for one in include)


@pytest.mark.parametrize(
    ("shares", "problems"),
    [
        ({"training": 95, "analysis": 99, "interp": 90}, []),
        (
            {"training": 94.94, "analysis": 99, "interp": 100},
            ["training and analysis: tests see 94.9 % of the lines, expected 95 %"],
        ),
        (
            {"training": 100, "analysis": 100, "interp": 89.9},
            ["interp: tests see 89.9 % of the lines, expected 90 %"],
        ),
    ],
)
def test_each_part_has_its_least_share(shares, problems):
    seen = Seen(**shares)
    assert uncovered(seen, io.StringIO()) == problems
    assert seen.asked == [
        [f"{ROOT}/training/*", f"{ROOT}/analysis/*"],
        [f"{ROOT}/interp/*"],
    ]
    assert all((ROOT / folder).is_dir() for folders in LEAST for folder in folders)


def skipped(reason):
    return SimpleNamespace(longrepr=("tests/a.py", 3, f"Skipped: {reason}"))


def test_browser_tests_without_a_browser_are_counted():
    assert not_run([]) is None
    assert not_run([skipped("needs real checkpoints")]) is None
    one = [skipped(NO_CHROMIUM), skipped("needs real checkpoints")]
    assert not_run(one) == f"1 browser test did not run: {NO_CHROMIUM}"
    assert not_run(one * 12) == f"12 browser tests did not run: {NO_CHROMIUM}"
