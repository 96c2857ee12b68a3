"""What the contract suites share: rows that a test adds are gone after it."""

from __future__ import annotations

from typing import Any

import pytest

from interp.analysis.sweeps.sweep import sweep
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.sweep_cases import GRID

_TRANSFORMER = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}
_NETWORKS = {
    "MLP": {"width": 16},
    "MLP with a norm": {"width": 16, "norm": "batch"},
    "Transformer": _TRANSFORMER,
    "attention-only": {**_TRANSFORMER, "d_mlp": 0},
}


@pytest.fixture(scope="session")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A tiny trained run of each kind of network, and a tiny sweep: what measures are asked of."""
    found: dict[str, Any] = {k: train(tiny_config(model=v)) for k, v in _NETWORKS.items()}
    found["sweep"] = sweep(GRID, tmp_path_factory.mktemp("sweeps") / "tiny", "serial")
    return found
