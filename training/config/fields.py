"""What all sections of a configuration have in common: how fields are checked, told and named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic.fields import FieldInfo

from interp.training.config.named import Choices


class Later:
    """Of a field: older configurations lack it, so at its default it is no part of their names."""


class Place:
    """Of a field: where something lies, which is no part of a name; a digest tells what it is."""


LATER, PLACE = Later(), Place()
Copied = TypeVar("Copied", bound=BaseModel)


class Section(BaseModel):
    """Frozen, closed, and strict about truth values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # also where a value is a mapping

    def model_copy(
        self: Copied, *, update: Mapping[str, Any] | None = None, deep: bool = False
    ) -> Copied:
        """A copy; one with other values is checked like a new one, which pydantic's own is not."""
        copied = BaseModel.model_copy(self, deep=deep)
        if not update:
            return copied
        values = {name: getattr(copied, name) for name in type(self).model_fields}
        return type(self)(**{**values, **update})


def unnamed(section: BaseModel) -> dict[str, Any]:
    """What is left out of a configuration's name, as pydantic's ``exclude``.

    See :class:`Later` and :class:`Place`.
    """
    found: dict[str, Any] = {}
    for name, info in type(section).model_fields.items():
        value = getattr(section, name)
        is_place = any(isinstance(mark, Place) for mark in info.metadata)
        is_later = any(isinstance(mark, Later) for mark in info.metadata)
        if is_place or (is_later and value == info.default):
            found[name] = True
        elif isinstance(value, BaseModel) and (inner := unnamed(value)):
            found[name] = inner
    return found


def fields_of(config: type[BaseModel]) -> Iterator[tuple[str, str, Any]]:
    """Every option of a configuration as (dotted path, description, default)."""
    for name, info in config.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            for inner, inner_info in info.annotation.model_fields.items():
                yield f"{name}.{inner}", _described(inner_info), inner_info.default
        else:
            yield name, _described(info), info.default


def kinds_of(config: type[BaseModel]) -> dict[str, str]:
    """What stands for the value of every option in its help, by dotted path.

    ``INT``, ``FLOAT`` …, ``true|false``, the words to choose from, or the first of them with an
    ellipsis where they are many or others are taken too.
    """
    found = {}
    for name, info in config.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            inner = kinds_of(info.annotation)
            found.update({f"{name}.{key}": kind for key, kind in inner.items()})
        else:
            found[name] = _kind(info)
    return found


def _kind(info: FieldInfo) -> str:
    words = [*_choices(info), *_examples(info)]
    if words:
        shown = [word for i, word in enumerate(words) if len("|".join(words[: i + 1])) <= _WIDTH]
        return "|".join(shown if len(shown) == len(words) and _choices(info) else [*shown, "…"])
    kinds = [info.annotation, *get_args(info.annotation)]
    plain = [get_origin(kind) or kind for kind in kinds]
    return next((_KINDS[kind] for kind in plain if kind in _KINDS), "TEXT")


_WIDTH = 24  # characters of the words that stand for a value
_KINDS: dict[Any, str] = {
    bool: "true|false",
    int: "INT",
    float: "FLOAT",
    tuple: "LIST",
    dict: "MAPPING",
    str: "TEXT",
}


def _examples(info: FieldInfo) -> list[str]:
    """Some values of a field that takes others too."""
    return [str(one) for one in info.examples or ()]


def _described(info: FieldInfo) -> str:
    """A field's description, with the values to choose from."""
    choices = _choices(info)
    return f"{info.description} ({', '.join(choices)})" if choices else info.description or ""


def _choices(info: FieldInfo) -> list[str]:
    kinds = [info.annotation, *get_args(info.annotation)]
    choices = [str(one) for kind in kinds if get_origin(kind) is Literal for one in get_args(kind)]
    marks = list(info.metadata)
    for kind in kinds:
        marks += getattr(kind, "__metadata__", ())
    return choices + [word for mark in marks if isinstance(mark, Choices) for word in mark.words()]
