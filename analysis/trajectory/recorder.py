"""Notes measures of a run while it trains, in the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from interp.analysis.measure import Measure
from interp.analysis.measures import MEASURES
from interp.training.arguments import listed, whole
from interp.training.data.scores import Scores
from interp.training.display import Values
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.records import Record, append_record, read_records, write_records
from interp.training.runs.run import Run
from interp.training.trainer.device import using_threads
from interp.training.trainer.schedule import evaluation_steps

_COUNT = 20


class Recorder:
    """A callback of :func:`interp.train` that notes measures at some steps, in the run.

    What was noted is kept in the run folder line by line, so that a killed run that is resumed
    with a recorder of the same measures goes on where it was; ``interp.measures["recorded"]``
    reads it. A measure that fails at a step is noted with its reason, and the run goes on.

    Args:
        measures: of a checkpoint; a name, several, or options by name.
        count: at about how many steps, dense early, with the first and the last.
        steps: at these instead.

    Raises:
        ValueError: if there is no such measure or option, or it reads more than a checkpoint.
    """

    def __init__(
        self,
        measures: str | Sequence[str] | Mapping[str, Mapping[str, Any]] = "signals",
        count: int = _COUNT,
        steps: Iterable[int] | None = None,
    ) -> None:
        whole(count, "count", least=2)
        self._asked = [_checked(name, options) for name, options in _options(measures).items()]
        self._count = count
        self._own = None if steps is None else {whole(s, "steps") for s in listed(steps, "steps")}
        self._steps: set[int] = set()
        self._run: Run | None = None
        self.records: list[Record] = []

    @property
    def of(self) -> dict[str, str]:
        """Digests of the measures by label."""
        return {one.label(options): one.digest(options) for one, options in self._asked}

    def begin(self, run: Run) -> None:
        """Takes up what was noted of the run up to where it goes on.

        Raises:
            ValueError: if something else was recorded in it.
        """
        total = run.config.steps
        self._steps = set(evaluation_steps(total, self._count)) if self._own is None else self._own
        if max(self._steps, default=0) > total:
            raise ValueError(f"steps: expected steps from 0 to {total}, got {max(self._steps)}")
        self._run, self.records = run, []
        if run.path is None:
            return
        found, of = read_records(run.path)
        reached = run.measurements[-1].step if run.measurements else -1
        if of and of != self.of:
            raise ValueError(
                f"{run.path}: expected a recorder of {', '.join(of)}, as it began with; "
                f"got one of {', '.join(self.of)}, or another version of it"
            )
        self.records = [one for one in found if one.step <= reached]
        write_records(run.path, self.records, self.of)

    def wants(self, step: int) -> bool:
        """Whether something is noted at a step and has not been yet."""
        return step in self._steps and (not self.records or self.records[-1].step < step)

    def __call__(self, step: int, scores: Scores | None, network: Network) -> None:
        """Notes the measures of a step."""
        del scores
        run = self._run
        assert run is not None
        seen = Checkpoint(
            network, run.dataset, run.config.loss, step, run.seed, run.name, run.config
        )
        values: dict[str, Values] = {}
        problems: dict[str, str] = {}
        # Measures go between torch and numpy, whose threads take the cores from each other.
        with using_threads(1):
            for one, options in self._asked:
                label = one.label(options)
                try:
                    values[label] = one.of(seen, options).values()
                except ValueError as error:  # such as a cut between classes that are not there yet
                    problems[label] = str(error)
        record = Record(step, values, problems)
        self.records.append(record)
        if run.path is not None:
            append_record(run.path, record)


def _options(measures: object) -> Mapping[str, Mapping[str, Any]]:
    if isinstance(measures, str):
        return {measures: {}}
    if isinstance(measures, Mapping):
        return measures
    return {name: {} for name in listed(measures, "measures")}


def _checked(name: str, options: Mapping[str, Any]) -> tuple[Measure, dict[str, Any]]:
    found: Measure = MEASURES[name]
    if found.reads != "checkpoint":
        raise ValueError(
            f"recorder: expected measures that read a checkpoint, got {name}, which reads a whole "
            f"{found.reads}"
        )
    return found, found.checked(options)
