"""The run-time checker of signatures: an int is fit where a float is expected (PEP 484).

Every function is checked at its first calls within each test. The thousandth step of a training
has the shapes of the first hundred, and its check takes longer than the step.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

CALLS = 100  # of a function that are checked within a test

checker = beartype(conf=BeartypeConf(is_pep484_tower=True))
_jaxtyped = jaxtyping.jaxtyped
_current = 0  # number of the test


def install(packages: list[str]) -> None:
    """Checks every function and class of packages that are imported from now on."""
    jaxtyping.jaxtyped = _sparing
    install_import_hook(packages, f"{__name__}.checker")


def begin_test() -> None:
    """From here on every function is checked again."""
    global _current
    _current += 1


def _sparing(*, typechecker: Any) -> Callable[[Any], Any]:
    """What the hook decorates with."""

    def decorate(given: Any) -> Any:
        checked = _jaxtyped(typechecker=typechecker)
        return _at_first(given, checked) if inspect.isfunction(given) else checked(given)

    return decorate


def _at_first(plain: Callable[..., Any], decorate: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function with its first calls checked; the check is made when it is needed."""
    checked: Callable[..., Any] | None = None
    test, calls = -1, 0

    @functools.wraps(plain)
    def call(*args: Any, **keywords: Any) -> Any:
        nonlocal checked, test, calls
        __tracebackhide__ = True
        if test != _current:
            test, calls = _current, 0
        calls += 1
        if calls > CALLS:
            return plain(*args, **keywords)
        if checked is None:
            checked = decorate(plain)
        return checked(*args, **keywords)

    return call
