"""Which measures are meant, and with which options, before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from interp.analysis.measure import Measure
from interp.analysis.measures import MEASURES
from interp.training.arguments import shown

Wanted = str | Measure | Mapping[str, Mapping[str, Any] | None]


@dataclass(frozen=True)
class Asked:
    """A measure with its options, both known to be right.

    Attributes:
        measure: reads a checkpoint or a run.
        options: those that were given, read by their types.
    """

    measure: Measure
    options: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Its name, with the options that are not the default."""
        return self.measure.label(self.options)


def asked_of(measures: Any) -> tuple[Asked, ...]:
    """The measures that are meant, each once; nothing is read for that.

    Args:
        measures: names, measures, and mappings of names to options, or one of these alone.

    Raises:
        ValueError: if there is no such measure or option, or it reads a whole sweep.
    """
    one = isinstance(measures, str | Measure | Mapping) or not isinstance(measures, Iterable)
    found = {}
    for wanted in [measures] if one else measures:
        for asked in _asked(wanted):
            found[asked.label] = asked
    return tuple(found.values())


def _asked(wanted: object) -> Iterator[Asked]:
    named = wanted.items() if isinstance(wanted, Mapping) else [(wanted, None)]
    for which, options in named:
        if not isinstance(which, str | Measure):
            raise ValueError(
                f"measures: expected names, measures or {{name: options}}, got {shown(which)}"
            )
        measure: Measure = MEASURES[which] if isinstance(which, str) else which
        if measure.reads == "sweep":
            raise ValueError(f"measures: {measure.name} reads a whole sweep, not a run")
        if not isinstance(options, Mapping | None):
            raise ValueError(
                f"measures.{measure.name}: expected a mapping of options, got {shown(options)}"
            )
        yield Asked(measure, measure.checked(options or {}))
