"""Names of values as people read them."""

from __future__ import annotations


def value_words(name: str) -> str:
    """``held_out_all.test_accuracy`` as ``held out all: test accuracy``."""
    return name.replace("_", " ").replace(".", ": ")
