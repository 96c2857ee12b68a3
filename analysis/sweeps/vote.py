"""What the seeds of a point agree on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from interp.analysis.phases.settled import STATES, State

PointState = State | Literal["tied"]
POINT_STATES: tuple[PointState, ...] = (*STATES, "tied")


@dataclass(frozen=True)
class Vote:
    """What the seeds of a point say.

    Attributes:
        state: with the most votes; "tied" if two have equally many, for a tie is no phase
            between the two.
        share: of the seeds that voted for it, or in a tie for each of the first.
        votes: number of seeds by state, the most first.
    """

    state: PointState
    share: float
    votes: Mapping[PointState, int]


def vote(states: Iterable[str]) -> Vote:
    """The state with the most votes, or "tied". "budget too short" and "failed" vote as any other.

    Raises:
        ValueError: if there is no vote, or a state is unknown.
    """
    counts = Counter(states)
    if not counts:
        raise ValueError("expected the state of at least one seed, found none")
    if unknown := sorted(counts.keys() - set(STATES)):
        raise ValueError(f"expected a state among {', '.join(STATES)}; got {unknown[0]!r}")
    ordered = sorted(
        ((state, counts[state]) for state in STATES if counts[state]), key=lambda pair: -pair[1]
    )
    first, most = ordered[0]
    tied = len(ordered) > 1 and ordered[1][1] == most
    return Vote("tied" if tied else first, most / counts.total(), dict(ordered))
