"""Shared settings: shapes in signatures are checked, and what a test draws is drawn from a seed."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from zlib import crc32

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.database import DirectoryBasedExampleDatabase

from tests import seen, typecheck

# Before anything of ours is imported.
NOTED = seen.begin() if seen.asked() else None
typecheck.install(["interp.training", "interp.analysis"])

from interp.analysis.ablation.ranking import RANKINGS  # noqa: E402
from interp.analysis.measures import MEASURES  # noqa: E402
from interp.gallery import FIGURES  # noqa: E402
from interp.training.config.kinds import KINDS  # noqa: E402
from interp.training.config.run_config import RunConfig, parse_config  # noqa: E402
from interp.training.config.sections import ModelConfig  # noqa: E402
from interp.training.losses.loss import LOSSES  # noqa: E402
from interp.training.models.layers.activation import ACTIVATIONS  # noqa: E402
from interp.training.models.mlp import MLP  # noqa: E402
from interp.training.runs.run import Run  # noqa: E402
from interp.training.tasks.operations import OPERATIONS  # noqa: E402
from interp.training.tasks.task import Task  # noqa: E402
from interp.training.trainer.loop import train  # noqa: E402
from tests.browser import launched  # noqa: E402
from tests.gate import not_run, uncovered  # noqa: E402

# How long an example takes says how busy the machine is, and nothing of the code. Examples that
# failed are remembered, outside of the tree.
EXAMPLES = Path(gettempdir()) / f"interp-hypothesis-{os.getuid()}"
set_hypothesis_home_dir(EXAMPLES)
settings.register_profile(
    "interp", deadline=None, print_blob=True, database=DirectoryBasedExampleDatabase(EXAMPLES)
)
settings.load_profile("interp")

# A shell starts its background jobs with Ctrl-C ignored, and their children inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def seed_everything(name: str) -> None:
    """Seeds the generators that nobody passes on: the same draws in every order of the tests."""
    seed = crc32(name.encode())
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def pytest_collectstart(collector: pytest.Collector) -> None:
    """A module that draws when it is imported."""
    seed_everything(collector.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> None:
    """A fixture, whichever test is the first to ask for it."""
    seed_everything(f"{fixturedef.baseid}::{fixturedef.argname}")


def pytest_sessionstart(session: pytest.Session) -> None:
    """What an earlier run has seen does not count."""
    if NOTED is not None and not hasattr(session.config, "workerinput"):
        seen.forget()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """After all else is said: whether enough was seen, and what was not run for want of a browser.

    With ``SEEN=1``, too few lines fail the run.
    """
    yield
    if NOTED is not None:
        seen.keep(NOTED)
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or hasattr(session.config, "workerinput"):
        return
    words = uncovered(seen.together(), sys.stdout) if NOTED is not None else []
    if words and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    unseen = not_run(terminal.stats.get("skipped", ()))
    for line in [*words, *([unseen] if unseen else [])]:
        terminal.write_line(line, red=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """A test, whichever fixtures were there already."""
    seed_everything(item.nodeid)


def pytest_runtest_setup() -> None:
    typecheck.begin_test()


def plain_mlp(task: Task, width: int, activation: str = "square") -> MLP:
    """The paper's network: two layers, no norm, no biases; its weights are zero."""
    return MLP(task, ModelConfig(width=width, activation=activation))


def tiny_config(**changes: object) -> RunConfig:
    """A run of a fraction of a second: p 11, 16 neurons, 30 steps."""
    values: dict[str, object] = {
        "task": {"p": 11},
        "data": {"fraction": 0.6, "corruption": 0.3},
        "model": {"width": 16},
        "steps": 30,
        "schedule": {"evaluations": 10, "checkpoints": 4},
    }
    return parse_config({**values, **changes})


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run folder that no test may change."""
    return train(tiny_config(), tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture()
def tiny_folder(tmp_path: Path) -> Path:
    """A finished run folder of the test's own, to be damaged."""
    folder = tmp_path / "tiny"
    train(tiny_config(), folder)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, for tests marked ``browser``."""
    with launched() as found:
        yield found


@pytest.fixture()
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures as users meet them: nothing checks their types."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture()
def for_a_while() -> Iterator[None]:
    """Rows that a test adds to a table are gone after it."""
    tables = [KINDS, LOSSES, ACTIVATIONS, OPERATIONS, RANKINGS, MEASURES, FIGURES]
    before = [set(table) for table in tables]
    yield
    for table, names in zip(tables, before, strict=True):
        for name in set(table) - names:
            table.remove(name)
