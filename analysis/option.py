"""The options of a measure: the keyword arguments of its function, and nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from interp.training.arguments import shown


@dataclass(frozen=True)
class Option:
    """One option of a measure.

    Attributes:
        name: of the argument.
        default: what is in force unless told otherwise.
        kind: its type, by which values from a file or a command line are read.
    """

    name: str
    default: Any
    kind: Any

    def read(self, value: Any) -> Any:
        """The value as its type has it.

        Raises:
            ValueError: saying what was expected and what came.
        """
        if isinstance(value, bool) and {bool, Any}.isdisjoint((self.kind, *get_args(self.kind))):
            raise ValueError(f"{self.name}: expected no truth value, got {value}")
        try:
            return TypeAdapter(self.kind).validate_python(value)
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            problem = problem[0].lower() + problem[1:]
            raise ValueError(f"{self.name}: {problem}, got {shown(value)}") from None


def options_of(function: Callable[..., Any]) -> Mapping[str, Option]:
    """The options of a measure's function, by name."""
    _, *rest = inspect.signature(function).parameters.values()
    return {
        one.name: Option(one.name, one.default, _kind(function, one.annotation)) for one in rest
    }


def check_signature(name: str, compute: Callable[..., Any]) -> None:
    """Refuses a function that is no measure.

    Raises:
        ValueError: naming the argument that does not fit.
    """
    subject, *options = inspect.signature(compute).parameters.values() or (None,)
    for one in options:
        if one.kind is not one.KEYWORD_ONLY or one.default is one.empty:
            raise ValueError(
                f"measure {name}: expected (subject, *, option=default, …), "
                f"got {one.name} without {'a default' if one.default is one.empty else 'the *'}"
            )
    if subject is None:
        raise ValueError(f"measure {name}: expected a function of a subject, got one of nothing")


def _kind(function: Callable[..., Any], annotation: Any) -> Any:
    """The type that an annotation names; anything where it names none."""
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    holder = type("Holder", (), {"__annotations__": {"value": annotation}})
    written_in = inspect.unwrap(function).__globals__  # not the module of a decorator on it
    return get_type_hints(holder, written_in)["value"]
