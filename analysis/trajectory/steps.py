"""How far the weights of a run moved between the points of its path, parameter by parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.analysis.measure import NotDefined
from interp.analysis.memorization.retraining.derived import not_retrained
from interp.training.losses.loss import LOSSES
from interp.training.models.network import Network
from interp.training.runs.run import Run
from interp.training.trainer.loop import train

Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Steps:
    """Squared lengths along a path, a column a parameter.

    Attributes:
        names: of the parameters.
        points: the steps at which the weights were seen, ascending.
        moved: ‖w_{i+1} − w_i‖² between neighbouring points.
        away: ‖w_i − w_0‖² from the first point.
        variance: mean over the points of ‖w_i − their mean‖².
        slope: ε, at every point but the last; see :func:`slope_of`.
        gap: greatest difference between weights that were made again and those of the run,
            relative to the largest of them; 0 where nothing was made again.
    """

    names: tuple[str, ...]
    points: Int[np.ndarray, " point"]
    moved: Float[np.ndarray, "move parameter"]
    away: Float[np.ndarray, "point parameter"]
    variance: Float[np.ndarray, " parameter"]
    slope: Float[np.ndarray, " move"]
    gap: float = 0.0


class _Seen:
    """Takes one point of a path after another, and keeps no weights but the first and the last."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.points: list[int] = []
        self._moved: list[list[float]] = []
        self._away: list[list[float]] = []
        self._slope: list[float] = []
        self._first: dict[str, np.ndarray] = {}
        self._last: dict[str, np.ndarray] = {}
        self._sum: dict[str, np.ndarray] = {}
        self.gap = 0.0

    def add(self, step: int, network: Network) -> None:
        """Adds the weights of a network at a step."""
        now = {
            name: weight.detach().cpu().double().numpy().copy()
            for name, weight in network.named_parameters()
        }
        first, last = self._first or now, self._last or now
        if self.points:
            self._moved.append([_square(now[name] - last[name]) for name in now])
        self._away.append([_square(now[name] - first[name]) for name in now])
        for name in now:  # of the way from the start, so that little is lost in the difference
            self._sum[name] = self._sum.get(name, 0) + (now[name] - first[name])
        self._slope.append(slope_of(self._run, network))
        self._first, self._last = first, now
        self.points.append(step)

    def compare(self, stored: Weights) -> None:
        """Notes how far the last weights are from those that a run has at that step."""
        largest = max(float(np.abs(value).max()) for value in stored.values())
        apart = max(float(np.abs(own - stored[name]).max()) for name, own in self._last.items())
        self.gap = max(self.gap, apart / largest if largest else apart)

    def steps(self) -> Steps:
        """What was seen."""
        away, count = np.array(self._away), len(self.points)
        mean = np.array([_square(total / count) for total in self._sum.values()])
        return Steps(
            names=tuple(self._first),
            points=np.array(self.points),
            moved=np.array(self._moved).reshape(-1, len(self._first)),
            away=away,
            variance=np.maximum(away.mean(axis=0) - mean, 0),
            slope=np.array(self._slope[:-1]),
            gap=self.gap,
        )


def _square(values: np.ndarray) -> float:
    return float(np.sum(values**2))


def slope_of(run: Run, network: Network) -> float:
    """ε, the mean over the training examples of ‖∂ loss of the example ∕ ∂ its logits‖."""
    data, row = run.dataset, LOSSES[run.config.loss]
    device = next(network.parameters()).device
    chosen = torch.as_tensor(data.pairs[data.is_train], device=device)
    labels = torch.as_tensor(data.given_label[data.is_train], device=device)
    with torch.no_grad():
        gradient: Tensor = network.logits(chosen).contiguous()
        examples, answers = gradient.shape
        row.into_gradient(gradient, labels + answers * torch.arange(examples, device=device))
        return float(gradient.double().norm(dim=1).mean()) * row.scale(1, answers)


def of_checkpoints(run: Run) -> Steps:
    """From checkpoint to checkpoint.

    Raises:
        NotDefined: if there is but one.
    """
    if len(run.steps) < 2:
        raise NotDefined("expected a run with several checkpoints, found one")
    seen = _Seen(run)
    for step in run.steps:
        seen.add(step, run.network(step))
    return seen.steps()


def of_every_step(run: Run) -> Steps:
    """From step to step, by training the run again from its own start with its own seeds.

    The weights are compared with those of every checkpoint: on the same machine with as many
    threads they are equal.

    Raises:
        NotDefined: if the run was not trained here, or has not finished.
    """
    reason = not_retrained(run)
    if reason is not None:
        raise NotDefined(reason)
    seen, last = _Seen(run), run.measurement().step

    def note(step: int, scores: object, network: Network) -> str | None:
        del scores
        seen.add(step, network)
        if step in run.weights:
            seen.compare(run.weights[step])
        return "stop" if step >= last else None

    train(run.config, device="cpu", callbacks=note)
    return seen.steps()


def parts_of(names: tuple[str, ...]) -> Iterator[tuple[str, list[int]]]:
    """Parts of the weights, each with its columns: all, every parameter, all biases."""
    yield "all", list(range(len(names)))
    for column, name in enumerate(names):
        yield name, [column]
    biases = [column for column, name in enumerate(names) if _is_bias(name)]
    if len(biases) > 1:
        yield "biases", biases


def _is_bias(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last in ("b", "bias") or last.startswith("b_")
