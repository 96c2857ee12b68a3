"""Tests run in process: a whole session collected once and forked, or a session per child."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.mutate.children import (
    Outcome,
    Trial,
    exchange,
    functions_of,
    run_all,
    serve,
)
from tests.mutate.covering import ROOT

OPTIONS = ["-q", "-s", "--tb=short", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
OPTIONS += [f"-pno:{name}" for name in ("cacheprovider", "xdist", "cov")]
# Everything of others that ours imports, so that a child finds it there.
OTHERS = """
anyio beartype cyclopts dash dash_ag_grid diptest einops flask fsspec huggingface_hub hypothesis
IPython jaxtyping kaleido numba numpy pandas plotly plotly.io playwright.sync_api pyarrow
pyarrow.parquet pydantic pytest_cov ray rich rich.progress safetensors.torch scipy.optimize
scipy.sparse scipy.stats sklearn.decomposition torch torch._dynamo torch.func transformer_lens
werkzeug.serving xarray yaml
"""


def preload() -> None:
    """Imports the packages of others; nothing of ours."""
    for name in OTHERS.split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


class _Teller:
    """Tells of every test that starts, and of every report that failed."""

    def __init__(self, tell: Callable[..., None], stop: bool) -> None:
        self.tell, self.stop = tell, stop

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.tell("start", nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.tell("failed", report.nodeid)
            if self.stop:
                self.tell("end")
                os._exit(0)


class _Server:
    """Collects the tests once and, where they would be run, forks a child for every trial."""

    def __init__(self, trials: Sequence[Trial], sources: dict[str, bytes], jobs: int) -> None:
        self.trials, self.sources, self.jobs = trials, sources, jobs
        self.done: list[Outcome] = []

    def pytest_runtestloop(self, session: Any) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self.living = functions_of(ROOT)
        self.done = run_all(self.trials, self._work, self.jobs)
        return True

    def _work(self, trial: Trial, tell: Callable[..., None]) -> None:
        items = [self.items[test] for test in trial.tests if test in self.items]
        items += [one for test, one in self.items.items() if test.partition("::")[0] in trial.tests]
        config = items[0].config
        config._tmp_path_factory._basetemp = Path(os.environ["TMPDIR"])
        _quiet_examples()
        config.pluginmanager.register(_Teller(tell, stop=trial.mutation is not None))
        if trial.mutation is not None:
            self._mutate(trial, tell)
        for item, after in zip(items, [*items[1:], None], strict=True):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=after)

    def _mutate(self, trial: Trial, tell: Callable[..., None]) -> None:
        old = self.sources[trial.name]
        new = trial.mutation.applied(old)
        path = ROOT / trial.name
        serve(path, new)
        for module in list(sys.modules.values()):
            place = getattr(module, "__file__", None)
            if place and place.endswith(trial.name) and Path(place).resolve() == path:
                try:
                    exchange(module, old, new, self.living)
                except ValueError:  # a function closes over other names now
                    tell("unfit")
                    os._exit(0)


class _Chooser(_Teller):
    """Runs the trial's tests alone, in their order."""

    def __init__(self, trial: Trial, tell: Callable[..., None]) -> None:
        super().__init__(tell, stop=trial.mutation is not None)
        self.places = {test: place for place, test in enumerate(trial.tests)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        chosen = [(self._place(item.nodeid), k) for k, item in enumerate(items)]
        items[:] = [items[k] for place, k in sorted(chosen) if place >= 0]

    def _place(self, test: str) -> int:
        return self.places.get(test, self.places.get(test.partition("::")[0], -1))

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.tell("failed", "collection")
            self.tell("end")
            os._exit(0)


def alive(trials: Sequence[Trial], sources: dict[str, bytes], jobs: int) -> list[Outcome]:
    """Trials in children of a process that has collected their tests; it is a child itself."""
    if not trials:
        return []
    read, write = os.pipe()
    if not (pid := os.fork()):
        try:
            server = _Server(trials, sources, jobs)
            files = _files(test for trial in trials for test in trial.tests)
            pytest.main([*OPTIONS, *files], plugins=[server])
            with os.fdopen(write, "wb") as pipe:
                pickle.dump(server.done, pipe)
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        done = pickle.load(pipe)
    os.waitpid(pid, 0)
    return done


def imported(trials: Sequence[Trial], sources: dict[str, bytes], jobs: int) -> list[Outcome]:
    """Trials in children that import everything of ours anew."""

    def work(trial: Trial, tell: Callable[..., None]) -> None:
        if trial.mutation is not None:
            serve(ROOT / trial.name, trial.mutation.applied(sources[trial.name]))
        import numba

        # What is compiled of the unmutated source is kept by the file's date and must not be met.
        numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"] = os.environ["TMPDIR"]
        _quiet_examples()
        chooser = _Chooser(trial, tell)
        options = [*OPTIONS, f"--basetemp={os.environ['TMPDIR']}/base"]
        status = pytest.main([*options, *_files(trial.tests)], plugins=[chooser])
        if status not in (0, 1):
            tell("failed", f"pytest ended with {status}")

    return run_all(trials, work, jobs)


def _files(tests: Any) -> list[str]:
    return sorted({test.partition("::")[0] for test in tests})


def _quiet_examples() -> None:
    """No failing example is kept: the next mutant is to be found by the tests alone."""
    from hypothesis.database import DirectoryBasedExampleDatabase

    DirectoryBasedExampleDatabase.save = lambda *_: None  # type: ignore[method-assign]
