"""The path of the weights over training: its length, how far it leads, its variance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.trajectory.steps import Steps, of_checkpoints, of_every_step, parts_of
from interp.training.arguments import truth, whole
from interp.training.display import Result
from interp.training.runs.run import Run
from interp.training.trainer.optimizer import rate_factor

if TYPE_CHECKING:
    import pandas as pd

_SAME = 1e-6  # of the largest weight: rounding of another number of threads


@dataclass(frozen=True)
class PathPart:
    """The path of some of the weights.

    Attributes:
        part: ``all``, a parameter's name, or ``biases``.
        length: so far, Σ‖w_{t+1} − w_t‖, at every point.
        distance: ‖w_t − w_0‖ at every point.
        walk: √Σ‖w_{t+1} − w_t‖², the distance of steps as large in unrelated directions: the
            control of ``distance``.
        variance: mean over the points of ‖w_t − w̄‖².
        scaled_length: of steps divided by lr·ε each, as in the source; None between checkpoints.
        scaled_variance: the variance over lr².
    """

    part: str
    length: Float[np.ndarray, " point"]
    distance: Float[np.ndarray, " point"]
    walk: Float[np.ndarray, " point"]
    variance: float
    scaled_length: float | None
    scaled_variance: float | None

    def values(self) -> dict[str, float | None]:
        """At the end."""
        return {
            "length": float(self.length[-1]),
            "distance": float(self.distance[-1]),
            "walk": float(self.walk[-1]),
            "variance": self.variance,
            "scaled_length": self.scaled_length,
            "scaled_variance": self.scaled_variance,
        }


@dataclass(frozen=True, repr=False)
class Path(Result):
    """The path of the weights, of all of them and of every parameter.

    Attributes:
        points: the steps at which the weights were seen.
        parts: all weights first.
        caption: how they were seen, seed, step.
        first: up to which step ``first_length`` goes.
        name: of the run, for titles.
    """

    points: tuple[int, ...]
    parts: tuple[PathPart, ...]
    caption: str
    first: int
    name: str = "run"
    note: str = field(default="")

    MAIN: ClassVar[tuple[str, ...]] = ("length", "distance", "walk")
    COLUMNS: ClassVar[tuple[str, ...]] = ("part", "length", "distance", "walk")

    def values(self) -> dict[str, float | None]:
        """``length``, ``distance``, ``walk`` … of all weights, and ``length.<parameter>`` …."""
        whole_path, *others = self.parts
        found = whole_path.values()
        for one in (whole_path, *others):
            ending = "" if one is whole_path else f".{one.part}"
            found |= {f"{name}{ending}": value for name, value in one.values().items()}
            found[f"first_length{ending}"] = self._first(one)
        return found

    def _first(self, part: PathPart) -> float | None:
        within = [i for i, step in enumerate(self.points) if step <= self.first]
        return float(part.length[within[-1]]) if len(within) > 1 else None

    def to_pandas(self) -> pd.DataFrame:
        """A row a part and point: length and walk so far, distance from the start."""
        import pandas as pd

        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "part": one.part,
                        "step": self.points,
                        "length": one.length,
                        "distance": one.distance,
                        "walk": one.walk,
                    }
                )
                for one in self.parts
            ],
            ignore_index=True,
        )


def path_parts(
    steps: Steps, rates: Float[np.ndarray, "move parameter"] | None = None
) -> tuple[PathPart, ...]:
    """The path of all weights and of every parameter.

    Args:
        steps: that were seen.
        rates: learning rate of every parameter in every step; None if moves are no single steps.
    """
    found = []
    for part, columns in parts_of(steps.names):
        moved = steps.moved[:, columns]
        size = np.sqrt(moved.sum(axis=1))
        scaled, over = None, None
        if rates is not None:
            own = rates[:, columns]
            scaled = _over(np.sqrt(_over(moved, own**2).sum(axis=1)), steps.slope).sum()
            over = _over(steps.variance[columns], own.max(axis=0) ** 2).sum()
        found.append(
            PathPart(
                part,
                np.concatenate([[0.0], size.cumsum()]),
                np.sqrt(steps.away[:, columns].sum(axis=1)),
                np.sqrt(np.concatenate([[0.0], (size**2).cumsum()])),
                float(steps.variance[columns].sum()),
                None if scaled is None else float(scaled),
                None if over is None else float(over),
            )
        )
    return tuple(found)


def _over(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """A quotient; where there was no rate or no slope, nothing moved."""
    found: np.ndarray = np.divide(values, by, out=np.zeros_like(values), where=by > 0)
    return found


def _rates(run: Run, steps: Steps) -> Float[np.ndarray, "move parameter"]:
    optimizer = run.config.optimizer
    factors = [rate_factor(int(t), run.config.steps, optimizer) for t in steps.points[:-1]]
    own = [optimizer.rate_of(name) for name in steps.names]
    return np.outer(factors, own)


@measure(
    "path",
    reads="run",
    source="Loukas et al. 2021 (arXiv 2106.04186), length, variance and distance of the bias path",
)
def path(run: Run, *, every_step: bool = False, first: int = 50) -> Path:
    """How long the weights' path is, how far it leads, and its variance.

    Of all weights, of each parameter (U and V of an MLP are ``blocks.0.mlp.W_in``, W is
    ``unembed.W_U``) and of all biases:

    - length Σ‖w_{t+1} − w_t‖, distance ‖w_T − w_0‖, variance, the mean of ‖w_t − w̄‖²;
    - walk √Σ‖w_{t+1} − w_t‖², the control: how far steps as large lead in unrelated directions;
    - scaled_length, as in the source: every step divided by lr·ε_t, with ε_t the mean over the
      training examples of ‖∂ loss ∕ ∂ logits‖ (the source has batches of one example and one
      output, and biases only); scaled_variance, the variance over lr². Momentum and Adam's own
      scale stay in them.

    Args:
        run: with several checkpoints. Between checkpoints the path is taken as straight, so that
            lengths are lower bounds.
        every_step: train the run once more from its own start, and look at every step.
        first: up to which step ``first_length`` goes.
    """
    truth(every_step, "every_step")
    whole(first, "first", least=1)
    steps = of_every_step(run) if every_step else of_checkpoints(run)
    parts = path_parts(steps, _rates(run, steps) if every_step else None)
    how = (
        f"every step, trained again, {len(steps.moved)} steps"
        if every_step
        else f"{len(steps.points)} checkpoints, lengths are lower bounds"
    )
    note = "" if steps.gap <= _SAME else f"trained again with other weights: {steps.gap:.1g} apart"
    caption = place(run.seed, int(steps.points[-1]), how)
    points = tuple(int(step) for step in steps.points)
    return Path(points, parts, caption, first, run.name, note)
