"""What may be meant by a text that names no operation."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from interp.training.registry import PLUGINS

# What people call the operations elsewhere; no name of ours, so that a run has one name only.
_ELSEWHERE = {
    "x + y": ("+", "add", "addition", "plus", "sum", "modular addition"),
    "x - y": ("-", "sub", "subtract", "subtraction", "minus", "difference"),
    "x * y": ("*", "×", "·", "mul", "mult", "multiply", "multiplication", "times", "product"),
    "x / y": ("/", "÷", ":", "div", "divide", "division"),
}


def meant(text: str, names: Iterable[str]) -> str:
    """A hint for a text that names no operation; empty where there is none.

    Args:
        text: what somebody wrote.
        names: of operations that it may be a slip of.
    """
    said = next((name for name, words in _ELSEWHERE.items() if text.strip().lower() in words), None)
    if said is not None:
        return f"; write {said!r}"
    near = difflib.get_close_matches(text, list(names), n=1, cutoff=0.6)
    if near:
        return f"; nearest is {near[0]}"
    if not text.replace("_", "").replace(" ", "").isalpha():
        return ""
    return f"; an operation of your own is known where {PLUGINS} names the module that adds it"
