"""Fields of a configuration whose text is one of some words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from interp.training.registry import Registry


class Choices:
    """Of a field: the words to choose from, which its help lists."""

    def __init__(self, words: Callable[[], Iterable[str]]) -> None:
        self.words = words


class Named(Choices):
    """Of a field: its text names a row of a table; the row itself is not loaded."""

    def __init__(self, table: Registry[Any]) -> None:
        super().__init__(lambda: table)
        self._table = table

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Text, then the table's own check."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, name: str) -> str:
        try:
            return self._table.check(name)
        except ValueError as error:  # the path of the field stands before it
            raise ValueError(str(error).removeprefix(f"{self._table.noun}: ")) from None
