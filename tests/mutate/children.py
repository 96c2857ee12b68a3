"""One forked process per mutant, in which the mutated source is served and no file is changed."""

from __future__ import annotations

import contextlib
import gc
import importlib.machinery
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from tests.mutate.mutations import Mutation

GRACE, TIMES = 20.0, 8.0  # seconds and times its own seconds that a test may take


@dataclass(frozen=True)
class Trial:
    """A mutation of a file, or none, and the tests that it is to be noticed by."""

    name: str
    mutation: Mutation | None
    tests: tuple[str, ...]
    seconds: tuple[float, ...]
    at_import: bool


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Args:
        status: killed, timed out, crashed or survived; unfit where living functions cannot be
            given the code; broken where the mutation run itself failed.
        by: the test that noticed.
        failed: every test that failed.
        seconds: what each test took.
    """

    trial: Trial
    status: str
    by: str = ""
    took: float = 0.0
    failed: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


Work = Callable[[Trial, Callable[..., None]], None]


def run_all(trials: Iterable[Trial], work: Work, jobs: int) -> list[Outcome]:
    """Each trial in a process of its own, ``jobs`` at once; ``work`` tells of its tests."""
    waiting, running, done = list(trials), [], []
    total = len(waiting)
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(_Child(waiting.pop(0), work))
        select.select([child.pipe for child in running], [], [], 0.5)
        for child in list(running):
            if (outcome := child.outcome()) is not None:
                running.remove(child)
                done.append(outcome)
                _say(len(done), total, outcome)
    return done


def _say(place: int, total: int, outcome: Outcome) -> None:
    trial, one = outcome.trial, outcome.trial.mutation
    where = f"{trial.name}:{one.line} {one.label}" if one else "as it is"
    took = f"{len(trial.tests)} tests, {outcome.took:.1f} s"
    line = f"[{place}/{total}] {outcome.status} {where} ({took}) {outcome.by}\n"
    os.write(2, line.encode())


class _Child:
    """A forked process and what it told so far."""

    def __init__(self, trial: Trial, work: Work) -> None:
        self.trial, self.started, self.heard = trial, time.monotonic(), time.monotonic()
        self.folder = tempfile.mkdtemp(prefix="mutate-")
        self.text, self.now, self.since = b"", "", self.started
        self.told: dict[str, list[str]] = {}
        self.seconds: dict[str, float] = {}
        self.pipe, write = os.pipe()
        os.set_blocking(self.pipe, False)
        self.pid = os.fork()
        if not self.pid:
            _be_a_child(trial, work, write, self.folder)
        os.close(write)

    def outcome(self) -> Outcome | None:
        """What came of it, once it has ended or its test takes too long."""
        closed = self._hear()
        if not closed and time.monotonic() - self.since < self._patience():
            return None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.pipe)
        shutil.rmtree(self.folder, ignore_errors=True)
        failed = self.told.get("failed", [])
        status = "killed" if failed else "timed out" if not closed else "crashed"
        by = failed[0] if failed else self.now
        for word, meaning in (("end", "survived"), ("unfit", "unfit"), ("broken", "broken")):
            if word in self.told and not failed:
                status, by = meaning, self.told[word][0]
        took = time.monotonic() - self.started
        return Outcome(self.trial, status, by, took, tuple(failed), self.seconds)

    def _hear(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.pipe, 65536):
                *lines, self.text = (self.text + part).split(b"\n")
                for word, text in map(json.loads, lines):
                    self._told(word, text)
            return True
        return False

    def _told(self, word: str, text: str) -> None:
        now = time.monotonic()
        if word in ("start", "end"):
            self.seconds[self.now] = now - self.since
            self.now, self.since = text, now
        self.told.setdefault(word, []).append(text)

    def _patience(self) -> float:
        return patience(self.trial, self.now)


def patience(trial: Trial, test: str) -> float:
    """Seconds that a test may take, or what comes before the first one."""
    own = dict(zip(trial.tests, trial.seconds, strict=True))
    return GRACE + TIMES * own.get(test, 10.0)


def _be_a_child(trial: Trial, work: Work, write: int, folder: str) -> None:
    """Runs the work and ends, whatever comes."""
    os.setsid()
    log = os.open(os.environ.get("MUTATE_LOG", os.devnull), os.O_RDWR | os.O_CREAT | os.O_APPEND)
    for number, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
        os.dup2(target, number)

    def tell(word: str, text: str = "") -> None:
        os.write(write, json.dumps([word, text]).encode() + b"\n")

    tempfile.tempdir = os.environ["TMPDIR"] = folder
    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        try:
            work(trial, tell)
            tell("end")
        except Exception as error:
            tell("broken", repr(error))
    os._exit(0)


def serve(path: Path, source: bytes) -> None:
    """Has a file's other source compiled wherever it is imported from now on."""
    loader = importlib.machinery.SourceFileLoader
    read = loader.get_code

    def get_code(self: Any, name: str) -> Any:
        place = self.get_filename(name)
        if Path(place).resolve() == path:
            return self.source_to_code(source, place)
        return read(self, name)

    loader.get_code = get_code  # type: ignore[method-assign]


def functions_of(root: Path) -> dict[tuple[str, str, int], list[FunctionType]]:
    """Every function that lives now, by file, name and first line."""
    found: dict[tuple[str, str, int], list[FunctionType]] = {}
    for one in gc.get_objects():
        if type(one) is FunctionType and one.__code__.co_filename.startswith(str(root)):
            code = one.__code__
            found.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(
                one
            )
    return found


def exchange(module: Any, old: bytes, new: bytes, living: dict) -> None:
    """Gives the functions of a module that live already the code of its other source.

    Raises:
        ValueError: if a function then closes over other names.
    """
    loader, place = module.__loader__, module.__file__
    before, after = (loader.source_to_code(text, place) for text in (old, new))
    for one, other in _pairs(before, after):
        for function in living.get((place, one.co_qualname, one.co_firstlineno), []):
            if function.__code__ == one:
                function.__code__ = other.replace(co_filename=place)


def _pairs(before: CodeType, after: CodeType) -> Iterable[tuple[CodeType, CodeType]]:
    """Code inside of code, beside what it has become."""
    inside = [
        [one for one in code.co_consts if isinstance(one, CodeType)] for code in (before, after)
    ]
    by_name = {(one.co_qualname, one.co_firstlineno, k): one for k, one in _numbered(inside[1])}
    for k, one in _numbered(inside[0]):
        other = by_name.get((one.co_qualname, one.co_firstlineno, k))
        if other is not None:
            yield one, other
            yield from _pairs(one, other)


def _numbered(codes: list[CodeType]) -> Iterable[tuple[int, CodeType]]:
    seen: dict[tuple[str, int], int] = {}
    for code in codes:
        key = code.co_qualname, code.co_firstlineno
        seen[key] = seen.get(key, -1) + 1
        yield seen[key], code


def without(trial: Trial, tests: set[str]) -> Trial:
    kept = [k for k, test in enumerate(trial.tests) if test not in tests]
    return replace(
        trial,
        tests=tuple(trial.tests[k] for k in kept),
        seconds=tuple(trial.seconds[k] for k in kept),
    )
