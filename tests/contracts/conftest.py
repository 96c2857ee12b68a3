"""What the contract suites share: rows that a test adds are gone after it."""

from __future__ import annotations

from collections.abc import Iterator

import jaxtyping
import pytest

from interp.training.config.kinds import KINDS
from interp.training.losses.loss import LOSSES
from interp.training.models.layers.activation import ACTIVATIONS
from interp.training.tasks.operations import OPERATIONS


@pytest.fixture()
def for_a_while() -> Iterator[None]:
    tables = [KINDS, LOSSES, ACTIVATIONS, OPERATIONS]
    before = [set(table) for table in tables]
    yield
    for table, names in zip(tables, before, strict=True):
        for name in set(table) - names:
            table.remove(name)


@pytest.fixture()
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures as users meet them: nothing checks their types."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
