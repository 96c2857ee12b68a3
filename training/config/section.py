"""What every section of a configuration is, and how its fields are listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, field_validator, model_serializer
from pydantic.fields import FieldInfo

from interp.training.config.named import Choices


class Section(BaseModel):
    """Frozen, closed, and strict about truth values.

    Attributes:
        later: fields that came after configurations were first named by a hash of their content.
            At its default such a field is left out of the content, so that an old configuration
            keeps its name, and its run is found again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    later: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, dump: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        content = dump(self)
        for name in self.later:
            default = type(self).model_fields[name].get_default(call_default_factory=True)
            if getattr(self, name) == default:
                content.pop(name, None)
        return content

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: object, info: Any) -> object:
        # True would pass for 1: a width of one neuron that nobody asked for.
        if (
            isinstance(value, bool)
            and cls.model_fields[str(info.field_name)].annotation is not bool
        ):
            raise ValueError(f"expected no truth value, got {value}")
        return value


def fields_of(config: type[BaseModel]) -> Iterator[tuple[str, str, Any]]:
    """Every option of a configuration as (dotted path, description, default)."""
    for name, info in config.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            for inner, inner_info in info.annotation.model_fields.items():
                yield f"{name}.{inner}", _described(inner_info), inner_info.default
        else:
            yield name, _described(info), info.default


def _described(info: FieldInfo) -> str:
    """A field's description, with the values to choose from."""
    kinds = [info.annotation, *get_args(info.annotation)]
    choices = [str(one) for kind in kinds if get_origin(kind) is Literal for one in get_args(kind)]
    marks = list(info.metadata)
    for kind in kinds:
        marks += getattr(kind, "__metadata__", ())
    choices += [word for mark in marks if isinstance(mark, Choices) for word in mark.words()]
    return f"{info.description} ({', '.join(choices)})" if choices else info.description or ""
