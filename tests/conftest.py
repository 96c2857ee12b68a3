"""Shared settings: every shape in a signature is checked, for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
from hypothesis import settings

from tests import typecheck

# Before anything of ours is imported.
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

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("interp", deadline=None)
settings.load_profile("interp")


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
