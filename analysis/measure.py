"""What a measure is: a function of a checkpoint, a run or a sweep that gives a result.

Networks are opened where they are needed, so that tables of measures load no torch.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

from interp.analysis.caption import place
from interp.analysis.measures import MEASURES
from interp.analysis.numbers import Numbers
from interp.analysis.option import Option, check_signature, options_of
from interp.training.arguments import as_function, as_text, whole, word
from interp.training.blas import one_thread
from interp.training.display import Result, Values
from interp.training.registry import origin_of

Reads = Literal["checkpoint", "run", "sweep"]
# Why a measure is not defined on a subject, in one line; None where it is.
Refuses = Callable[[Any], str | None]


class NotDefined(ValueError):
    """A measure was asked of something that it is not defined on."""


@dataclass(frozen=True, repr=False)
class Measure:
    """A measure by its name; call it on a run, its folder, a checkpoint or a network.

    Attributes:
        name: what users write.
        reads: what its function takes: a ``checkpoint``, a whole ``run``, or a ``sweep``'s results.
        source: paper and equation.
        compute: ``(subject, *, options…) -> Result``; numbers by name will do.
        refuses: says on what it is not defined.
        version: raised when the formula changes, so that recorded values are measured anew.
    """

    name: str
    reads: Reads
    source: str
    compute: Callable[..., Result | Values]
    refuses: Refuses | None = None
    version: int = 1

    def __post_init__(self) -> None:
        self.__dict__["__doc__"] = self.compute.__doc__
        self.__dict__["__module__"] = self.compute.__module__

    def __repr__(self) -> str:
        return f"<measure {self.name} of a {self.reads}>"

    def __call__(self, source: Any, step: int | None = None, **options: Any) -> Any:
        """The result of a run, its folder, a checkpoint, a network or a sweep.

        Args:
            source: what to read.
            step: which checkpoint of a run, for a measure that reads one.
            options: of the measure.

        Raises:
            ValueError: for an unknown option or one of a wrong kind.
            NotDefined: if the measure is not defined there.
        """
        return self.of(self.subject(source, step), options)

    def subject(self, source: Any, step: int | None = None) -> Any:
        """What the function is to be called with.

        Raises:
            TypeError: if the source cannot be read as that.
            ValueError: if a step is given to a measure that reads no checkpoint.
        """
        from interp.training.arguments import of_kind
        from interp.training.runs.subject import as_checkpoint, as_run
        from interp.training.sweep.table.results import Results

        if self.reads == "checkpoint":
            return as_checkpoint(source, step)
        if step is not None:
            raise ValueError(f"measure {self.name} reads a whole {self.reads}: expected no step")
        if self.reads == "run":
            return as_run(source)
        return of_kind(source, Results, "the results of a sweep")

    def of(self, subject: Any, options: Mapping[str, Any]) -> Result:
        """The result of a subject that has been read already."""
        checked = self.checked(options)
        reason = self.refuses(subject) if self.refuses else None
        if reason:
            raise NotDefined(f"measure {self.name}: {reason}")
        with one_thread():
            found: Any = self.compute(subject, **checked)
        if isinstance(found, Mapping):
            found = Numbers(found)
        if not isinstance(found, Result):
            kind = type(found).__name__
            raise TypeError(f"measure {self.name}: expected a result or numbers, got {kind}")
        if isinstance(found, Numbers):
            title, caption = (
                found.title or self.label(checked),
                found.caption or caption_of(subject),
            )
            found = replace(found, title=title, caption=caption)
        return found

    @cached_property
    def options(self) -> Mapping[str, Option]:
        """Its options by name: the keyword arguments of its function, and nothing else."""
        return options_of(self.compute)

    def checked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options that were given, read by their types.

        Raises:
            ValueError: naming an option that is none, or whose value is of another kind.
        """
        found = {}
        for name, value in options.items():
            if name not in self.options:
                known = ", ".join(self.options) or "none"
                raise ValueError(
                    f"measure {self.name}: unknown option {name!r}; its options are {known}"
                )
            try:
                found[name] = self.options[name].read(value)
            except ValueError as error:
                raise ValueError(f"measure {self.name}: {error}") from None
        return found

    @property
    def title(self) -> str:
        """The first line of what it says of itself."""
        return (inspect.getdoc(self.compute) or "").split("\n")[0]

    def label(self, options: Mapping[str, Any]) -> str:
        """Its name, with the options that are not the default: ``pruning(lowest=0.7)``."""
        told = [
            f"{name}={value}"
            for name, value in self.checked(options).items()
            if value != self.options[name].default
        ]
        return f"{self.name}({', '.join(told)})" if told else self.name

    def digest(self, options: Mapping[str, Any]) -> str:
        """Changes when the options or the formula do, so that what was recorded is not taken."""
        own = MEASURES.is_own(self.name)
        formula = str(self.version) if own else _text(self.compute)
        text = json.dumps([self.label(options), formula], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def measure(
    name: str,
    *,
    reads: Reads = "checkpoint",
    source: str = "",
    refuses: Refuses | None = None,
    version: int = 1,
) -> Callable[[Callable[..., Result | Values]], Measure]:
    """Makes a function a measure: of Python, the shell, sweeps, recipes and reports.

    The function takes its subject and, by keyword, its options, which have defaults and types.

    Args:
        name: what users write.
        reads: whether its subject is a ``checkpoint``, a ``run`` or the results of a ``sweep``.
        source: paper and equation.
        refuses: of a subject, says in one line why the measure is not defined there, or None.
        version: to be raised when the formula changes.

    Raises:
        ValueError: if another measure has the name, or the function's signature does not fit.
    """
    as_text(name, "the name of a measure")
    as_text(source, "source")
    as_function(refuses, "refuses")
    whole(version, "version", least=1)
    word(reads, get_args(Reads), f"measure {name}: reads")

    def made(compute: Callable[..., Result | Values]) -> Measure:
        origin_of(compute)
        check_signature(name, compute)
        found = Measure(name, reads, source, compute, refuses, version)
        MEASURES.add(name, found, origin_of(compute))
        return found

    return made


def _text(function: Callable[..., Any]) -> str:
    """What a function does, as text: its source, or where there is none its compiled form."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return inspect.unwrap(function).__code__.co_code.hex()


def caption_of(subject: Any) -> str:
    """Where numbers of a subject come from, in one line."""
    from interp.training.runs.checkpoint import Checkpoint
    from interp.training.runs.run import Run

    if isinstance(subject, Checkpoint):
        return place(subject.seed, subject.step, subject.name)
    if isinstance(subject, Run):
        return place(subject.seed, subject.last_step, subject.name)
    return f"{len(subject)} cells"
