"""What the parser of the command line refuses, told as everything else is: what was expected."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import cyclopts
from cyclopts import CoercionError, CycloptsError, MissingArgumentError, UnknownOptionError
from cyclopts.exceptions import RepeatArgumentError, UnknownCommandError, UnusedCliTokensError

from interp.training.lines import one_line

_KINDS = {int: "a whole number", float: "a number", bool: "true or false"}


def told(error: CycloptsError, commands: Iterable[str] = ()) -> str:
    """One line: where, what was expected, what came, and the nearest of what there is."""
    chain = " ".join(error.command_chain or ())
    where = f"{chain}: " if chain else ""
    if isinstance(error, UnknownCommandError):
        return _unknown_command(error, where, list(commands))
    if isinstance(error, UnknownOptionError):
        return _unknown_option(error, where)
    if isinstance(error, MissingArgumentError):
        return _missing(error, where)
    if isinstance(error, CoercionError) and error.token is not None:
        return _not_of_a_kind(error)
    if isinstance(error, RepeatArgumentError):
        return f"{_name(error)}: expected once, it is there twice"
    if isinstance(error, UnusedCliTokensError):
        more = " ".join(error.unused_tokens or ())
        return f"{where}expected no more arguments, got {more!r} besides"
    return one_line(error)


def converted(kind: Any, tokens: Sequence[Any]) -> Any:
    """The value of an option, of whatever type; 1.5 is no whole number.

    Raises:
        ValueError: saying what was expected and what came.
    """
    if kind is int or set(get_args(kind)) == {int, types.NoneType}:
        text = tokens[0].value
        try:
            return int(text)
        except ValueError:
            what = tokens[0].keyword or "a number"
            raise ValueError(f"{what}: expected a whole number, got {text!r}") from None
    return cyclopts.convert(kind, tokens)


def _unknown_command(error: UnknownCommandError, where: str, commands: list[str]) -> str:
    got = (error.unused_tokens or [""])[0]
    near = difflib.get_close_matches(got, commands, n=1)
    hint = f"; nearest is {near[0]}" if near else ""
    return f"{where}expected one of {', '.join(commands)}, got {got!r}{hint}"


def _unknown_option(error: UnknownOptionError, where: str) -> str:
    got = (error.token.keyword or error.token.value).partition("=")[0]
    known = [name for one in error.argument_collection if one.parse for name in one.names]
    near = difflib.get_close_matches(got, known, n=1)
    hint = f"nearest is {near[0]}" if near else "--help lists them"
    return f"{where}expected one of its options, got {got}; {hint}"


def _missing(error: MissingArgumentError, where: str) -> str:
    argument, name = error.argument, error.keyword
    if argument is None:
        return one_line(error)
    if name is None and argument.tokens:
        name = argument.tokens[-1].keyword
    given = error.root_input_tokens or []
    if name is None or name not in given:  # it was not asked for at all
        plain = argument.name if argument.name.startswith("--") else argument.name.upper()
        return f"{where}expected {plain}, got none"
    after = given[given.index(name) + 1 :]
    hint = f"; a value that begins with - is written {name}={after[0]}" if after else ""
    return f"{name}: expected a value, got none{hint}"


def _not_of_a_kind(error: CoercionError) -> str:
    from interp.training.arguments import expected_words

    assert error.token is not None
    got, kind = error.token.value, _without_none(error.target_type)
    if get_origin(kind) is Literal:
        return f"{_name(error)}: {expected_words(list(get_args(kind)), got)}"
    return f"{_name(error)}: expected {_KINDS.get(kind, 'a value of another kind')}, got {got!r}"


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        return next(one for one in get_args(kind) if one is not types.NoneType)
    return kind


def _name(error: Any) -> str:
    """The option as it was typed, or what its place is called."""
    token = getattr(error, "token", None)
    if token is not None and token.keyword is not None:
        return str(token.keyword)
    argument = error.argument
    return "value" if argument is None else str(argument.name).lstrip("-").upper()
