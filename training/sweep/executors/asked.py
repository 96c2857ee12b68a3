"""What is measured of every run of a sweep beyond its row, as the sweep was asked to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.training.lines import one_line, with_kind
from interp.training.runs.measured import read_measured, write_measured
from interp.training.runs.run import Run


@dataclass(frozen=True)
class Asked:
    """A measure that a sweep was asked for.

    Attributes:
        label: its name and options, with which the names of its columns begin.
        digest: changes when its formula or options do.
        compute: its values of a run by name; travels to other processes.
    """

    label: str
    digest: str
    compute: Callable[[Run], Mapping[str, Any]]

    def of(self, run: Run, place: Path | None = None) -> dict[str, Any]:
        """What is recorded: digest, values, and the problem where there are none.

        Args:
            run: a finished run.
            place: its folder, where values are kept from one sweep to the next; None keeps none.
        """
        kept = read_measured(place, self.digest) if place is not None else None
        if kept is not None:
            return kept
        try:
            values, problem = dict(self.compute(run)), None
        except ValueError as error:  # it is not defined there, and would not be another time
            values, problem = {}, one_line(error)
        except Exception as error:  # of the machine, or a fault: to be tried again
            return {"digest": None, "values": {}, "problem": with_kind(error)}
        found = {"digest": self.digest, "values": values, "problem": problem}
        if place is not None:
            write_measured(place, self.digest, found)
        return found

    def is_in(self, measured: Mapping[str, Any]) -> bool:
        """Whether it is among what is recorded of a cell."""
        return measured.get(self.label, {}).get("digest") == self.digest
