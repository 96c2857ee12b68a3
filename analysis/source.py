"""What an analysis reads: a network, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

from interp.training.models.kinds import Network
from interp.training.runs.run import Run


@dataclass(frozen=True)
class Source:
    """A network with the step and seed of its run, None where it comes from no run."""

    network: Network
    step: int | None
    seed: int | None
    name: str


def read_source(source: Run | Network, step: int | None) -> Source:
    """The network of a run at a step (default: its newest checkpoint), or the network itself.

    Raises:
        ValueError: if the run has no such checkpoint.
    """
    if not isinstance(source, Run):
        return Source(source, step, None, "network")
    step = source.last_step if step is None else step
    return Source(source.network(step), step, source.config.seed, source.name)
