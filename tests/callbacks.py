"""The explorer's callbacks as plain functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Page:
    """Stands for the app: takes the functions that answer to sliders, by their names."""

    def __init__(self) -> None:
        self.found: dict[str, Callable[..., Any]] = {}

    def callback(self, *places: Any, **options: Any) -> Callable[..., Any]:
        def taken(function: Callable[..., Any]) -> Callable[..., Any]:
            self.found[function.__name__] = function
            return function

        return taken

    def clientside_callback(self, *places: Any, **options: Any) -> None:
        """Runs in the browser, and reads nothing."""
