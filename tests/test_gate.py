"""The gate of coverage, and what is said where there is no browser."""

from __future__ import annotations

import importlib.util
import io
from importlib.machinery import SourceFileLoader
from types import SimpleNamespace

import pytest

from tests import seen
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
        ({"training": 98, "analysis": 99, "interp": 95}, []),
        (
            {"training": 97.94, "analysis": 99, "interp": 100},
            ["training and analysis: tests see 97.9 % of the lines, expected 98 %"],
        ),
        (
            {"training": 100, "analysis": 100, "interp": 94.9},
            ["interp: tests see 94.9 % of the lines, expected 95 %"],
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


MODULE = """from numba import njit


@njit(cache=False)
def compiled(x):
    return x + 1


def plain(x):
    if x > 1:
        return compiled(x)
    return 7


def never():
    return 0


def made():
    @njit(cache=False)
    def nested(x):
        return x + 1
    return nested


assert made()(1) == 2
"""


def test_lines_are_noted_save_in_compiled_functions(tmp_path, monkeypatch):
    """All of ``plain`` runs, a line of the compiled function is not noted, ``never`` is missing."""
    monkeypatch.setattr(seen, "FOLDERS", [tmp_path])
    monkeypatch.setattr(seen, "ROOT", tmp_path)
    monkeypatch.setattr(SourceFileLoader, "get_code", SourceFileLoader.get_code)
    for name in ("here", "nobody"):
        (tmp_path / f"{name}.py").write_text(MODULE)
    for given in (0, 5):  # one process each, it could be
        noted = seen.begin()
        spec = importlib.util.spec_from_file_location("here", tmp_path / "here.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.plain(given) == (7 if given == 0 else 6)
        seen.keep(noted)
    found = seen.together()
    assert list(tmp_path.glob(".coverage*")) == [tmp_path / ".coverage"]
    data = found.get_data()
    assert {10, 11, 12} <= set(data.lines(str(tmp_path / "here.py")))
    assert not {6, 16, 22} & set(data.lines(str(tmp_path / "here.py")))
    _, counted, missing, _ = found.analysis(str(tmp_path / "here.py"))
    assert {10, 11, 12, 16} <= set(counted)
    assert not {5, 6, 21, 22} & set(counted)  # no test can see them
    assert {16} <= set(missing) <= {16, 19, 23}
    assert data.lines(str(tmp_path / "nobody.py")) == []
    (tmp_path / ".coveragerc").write_text("")
    seen.forget()
    assert [one.name for one in tmp_path.glob(".cov*")] == [".coveragerc"]


@pytest.mark.parametrize(
    ("value", "wanted"), [(None, False), ("", False), ("0", False), ("1", True)]
)
def test_lines_are_noted_when_it_is_asked_for(monkeypatch, value, wanted):
    monkeypatch.delenv("SEEN", raising=False)
    if value is not None:
        monkeypatch.setenv("SEEN", value)
    assert seen.asked() == wanted
