"""Which tests run a line: a whole run of the suite, recorded with the test as the context.

The record is kept in ``.mutate``, beside the commit that it was made at; lines that have moved
since are followed by their text. Test files that changed since are run again, and they alone.
"""

from __future__ import annotations

import ast
import difflib
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree

import coverage

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".mutate"
PACKAGES = ("training", "analysis", "interp")
SECONDS = 0.3  # of a test that no record has timed
LINES_A_SECOND = 3000  # a test of so many lines goes with one that takes a second longer


def product() -> dict[str, bytes]:
    """The source of every file of the three packages by its path, links not followed."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(("interp/training/", "interp/analysis/")):
                found[name] = path.read_bytes()
    return found


def git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def record(tests: list[str]) -> None:
    """Runs test files, all of them if none is named, and records which lines each test runs."""
    HOME.mkdir(exist_ok=True)
    state = git("stash", "create").strip() or git("rev-parse", "HEAD").strip()
    name = f"map-{len(list(HOME.glob('*.json')))}"
    settings = HOME / "coverage.ini"
    settings.write_text(
        "[run]\nsource = interp.training,interp.analysis,interp\nconcurrency = thread\n"
        f"data_file = {HOME / name}.coverage\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", "--cov"]
    command += [f"--cov-config={settings}", "--cov-context=test", "--cov-report="]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command += [f"--junitxml={HOME / name}.xml", *tests]
    subprocess.run(command, cwd=ROOT, env=environment, check=False)
    (HOME / f"{name}.json").write_text(json.dumps({"state": state}))


def refresh() -> None:
    """Makes the record, or runs those test files again that have changed since."""
    made = sorted(HOME.glob("map-*.json"), key=lambda path: path.stat().st_mtime)
    if not made:
        return record([])
    state = json.loads(made[-1].read_text())["state"]
    changed = git("diff", "--name-only", state, "--", "tests").split()
    changed += git("ls-files", "--others", "--exclude-standard", "tests").split()
    files = [name for name in changed if Path(name).name.startswith("test_")]
    if present := [name for name in files if (ROOT / name).exists()]:
        record(present)


class Covering:
    """The record, read: tests by line, and how long each takes."""

    def __init__(self, sources: dict[str, bytes]) -> None:
        self.sources = sources
        self.seconds: dict[str, float] = {}
        self.tests: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.recorded: dict[str, set[int]] = defaultdict(set)
        self.size: dict[str, int] = defaultdict(int)
        for meta in sorted(HOME.glob("map-*.json")):
            self._read(meta.with_suffix(".coverage"), json.loads(meta.read_text())["state"])
            self._time(meta.with_suffix(".xml"))

    def _read(self, path: Path, state: str) -> None:
        data = coverage.CoverageData(str(path))
        data.read()
        for measured in data.measured_files():
            name = next((n for n in _endings(measured) if n in self.sources), None)
            if name is None:
                continue
            moved = self._moved(name, state)
            self.recorded[name] |= set(moved.values())
            for line, contexts in data.contexts_by_lineno(measured).items():
                names = {context.rpartition("|")[0] for context in contexts}
                if line in moved:
                    self.tests[name][moved[line]] |= names
                for test in names:
                    self.size[test] += 1

    def _moved(self, name: str, state: str) -> dict[int, int]:
        """Lines now by lines then, both counted from 1."""
        try:
            old = git("show", f"{state}:{name}").splitlines()
        except subprocess.CalledProcessError:
            return {}
        new = self.sources[name].decode().splitlines()
        blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        return {a + k + 1: b + k + 1 for a, b, size in blocks for k in range(size)}

    def _time(self, path: Path) -> None:
        for case in ElementTree.parse(path).iter("testcase"):
            module = case.get("classname", "").replace(".", "/")
            test = f"{module}.py::{case.get('name')}"
            self.seconds[test] = float(case.get("time", SECONDS))

    def of(self, name: str, line: int) -> set[str]:
        """The tests that run a line; "" is among them if it is run at an import."""
        around = _around(ast.parse(self.sources[name]).body, line)
        functions = [node for node in around if isinstance(node, ast.FunctionDef)]
        if not functions:
            return self._at_import(name, line, around) | {""}
        found = self.tests[name][line] or self._near(name, line, around[-1])
        decorators = [ast.unparse(one) for one in functions[0].decorator_list]
        compiled = any(word in one for one in decorators for word in ("njit", "inner("))
        return self._by_word(functions[0].name) | {""} if compiled else found

    def _near(self, name: str, line: int, inner: ast.stmt) -> set[str]:
        """Tests of the statement that a line belongs to, or, where it is new, of those before."""
        known = self.tests[name]
        if line != inner.lineno and not isinstance(inner, ast.FunctionDef):
            return known[inner.lineno] or self._near(name, inner.lineno, inner)
        if line in self.recorded[name]:
            return set()
        return next((known[line - k] for k in range(1, 8) if known[line - k] - {""}), set())

    def _at_import(self, name: str, line: int, around: list[ast.stmt]) -> set[str]:
        """Tests that run what a line outside functions defines, or else anything of its file."""
        found = set(self.tests[name][line])
        for node in around:
            if isinstance(node, _Header):
                found |= self._lines(name, node.inside)
            for word in _defined(node):
                found |= self._by_word(word)
        # A file that nothing but its import runs is looked at by whoever imports it.
        return found if found - {""} else self._lines(name, self.tests[name]) or set(self.seconds)

    def _lines(self, name: str, lines: Iterable[int]) -> set[str]:
        known = self.tests[name]
        return {test for line in lines if line in known for test in known[line]}

    def _by_word(self, word: str) -> set[str]:
        """Tests that run a line, inside a function, in which a word stands."""
        places = self._words.get(word, ())
        return {test for name, line in places for test in self.tests[name][line]} - {""}

    @cached_property
    def _words(self) -> dict[str, set[tuple[str, int]]]:
        found: dict[str, set[tuple[str, int]]] = defaultdict(set)
        for name, source in self.sources.items():
            for number, text in enumerate(source.decode().splitlines(), 1):
                for word in re.findall(r"[A-Za-z_]\w+", text):
                    found[word].add((name, number))
        return found

    def chosen(self, tests: set[str], seconds: float) -> list[str]:
        """The quickest and most specific tests that together take no longer."""
        found: list[str] = []
        for test in sorted(tests - {""}, key=lambda test: (self.cost(test), test)):
            seconds -= self.seconds.get(test, SECONDS)
            if seconds < 0 and found:
                break
            found.append(test)
        return found

    def cost(self, test: str) -> float:
        return self.seconds.get(test, SECONDS) + self.size[test] / LINES_A_SECOND


class _Header(ast.stmt):
    """A function's decorators, parameters and defaults: run where it is defined."""

    def __init__(self, node: ast.FunctionDef) -> None:
        super().__init__()
        self.name, self.lineno = node.name, node.lineno
        self.inside = range(node.body[0].lineno, (node.end_lineno or 0) + 1)


def _around(nodes: Iterable[ast.AST], line: int) -> list[ast.stmt]:
    """The statements that a line stands in, the outermost first."""
    for node in nodes:
        first = [node, *getattr(node, "decorator_list", [])]
        start = min((one.lineno for one in first if hasattr(one, "lineno")), default=0)
        if not start <= line <= (getattr(node, "end_lineno", None) or 0):
            inside = [] if hasattr(node, "lineno") else _around(ast.iter_child_nodes(node), line)
            if inside:
                return inside
        elif isinstance(node, ast.FunctionDef) and line < node.body[0].lineno:
            return [_Header(node)]
        elif isinstance(node, ast.stmt | ast.excepthandler):
            return [node, *_around(ast.iter_child_nodes(node), line)]  # type: ignore[list-item]
    return []


def _defined(node: ast.stmt) -> list[str]:
    """Names that a statement outside functions gives a value."""
    if isinstance(node, _Header):
        return [] if node.name.startswith("__") else [node.name]
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    return [one.id for one in targets if isinstance(one, ast.Name)]


def _endings(measured: str) -> list[str]:
    """The path of a measured file inside the project, the links to the packages followed."""
    found = re.search(r"/(?:interp/)?((?:training|analysis)/.*)$", measured)
    inside = re.search(r"/(interp/.*)$", measured)
    return [one.group(1) for one in (found, inside) if one]
