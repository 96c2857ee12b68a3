"""Everything in this folder is marked ``chaos``."""

from __future__ import annotations

import faulthandler
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of this folder, so that none is run by plain ``pytest``."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.chaos)


@pytest.fixture(autouse=True)
def _may_take_long() -> None:
    """These tests bound what they start themselves; the limit of the others is not for them."""
    faulthandler.cancel_dump_traceback_later()
