"""What the contract suites share: rows that a test adds are gone after it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from interp.analysis.sweeps.sweep import sweep
from interp.analysis.trajectory.recorder import Recorder
from interp.exchange.of_networks import network_run
from interp.training.models.adapt import adapt
from interp.training.models.network import Network
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.own_modules import small
from tests.sweep_cases import GRID

_TRANSFORMER = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}
_NETWORKS = {
    "MLP": {"width": 16},
    "MLP with a norm": {"width": 16, "norm": "batch"},
    "Transformer": _TRANSFORMER,
    "attention-only": {**_TRANSFORMER, "d_mlp": 0},
}
# Groups without frequencies: the operation is of the group's own elements.
_IN_GROUPS: dict[str, dict[str, Any]] = {
    "MLP in S4": {"task": {"group": "S4"}, "model": {"width": 16}},
    "MLP in D12": {"task": {"group": "D12", "operation": "x * y * x^-1"}, "model": {"width": 16}},
    "Transformer in S4": {"task": {"group": "S4"}, "model": _TRANSFORMER},
    "Transformer in D12": {"task": {"group": "D12"}, "model": _TRANSFORMER},
}


def _adapted(seed: int) -> Network:
    """A module of somebody's own, with weights of a seed."""
    random = torch.Generator().manual_seed(seed)
    state = {
        name: torch.randn(one.shape, generator=random) for name, one in small().state_dict().items()
    }
    return adapt("tests.own_modules:small", make_task("x + y", 11), "fc1", "tokens", state)


@pytest.fixture(scope="session")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A tiny trained run of each kind of network, and a tiny sweep: what measures are asked of."""
    found: dict[str, Any] = {k: train(tiny_config(model=v)) for k, v in _NETWORKS.items()}
    found |= {name: train(tiny_config(**sections)) for name, sections in _IN_GROUPS.items()}
    # One of them in a folder, where measures were noted while it trained.
    place = tmp_path_factory.mktemp("recorded") / "run"
    found["MLP"] = train(tiny_config(model=_NETWORKS["MLP"]), place, callbacks=Recorder(count=6))
    dataset = found["MLP"].dataset
    found["adapted module"] = network_run({10: _adapted(1), 30: _adapted(2)}, dataset)
    found["sweep"] = sweep(GRID, tmp_path_factory.mktemp("sweeps") / "tiny", "serial")
    grid = {
        "base": {**GRID["base"], "task": {}},
        "axes": {"task.group": ["S4", "D12"], **GRID["axes"]},
    }
    found["sweep in groups"] = sweep(grid, tmp_path_factory.mktemp("sweeps") / "groups", "serial")
    return found
