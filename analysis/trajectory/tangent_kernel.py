"""Lazy or rich: how far the tangent kernel moved in training, and whether it knows the labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.untrained import untrained
from interp.analysis.trajectory.tangents import movement, tangent_kernels, weight_movement
from interp.training.arguments import whole
from interp.training.data.dataset import Dataset
from interp.training.display import Result
from interp.training.evaluation import in_float64
from interp.training.models.kinds import initial_network
from interp.training.models.network import Network
from interp.training.randomness import stream
from interp.training.runs.folder import weight_norm
from interp.training.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Tangent:
    """A network beside the initial one; None for what does not exist.

    Attributes:
        movement: ‖K − K₀‖ ∕ ‖K₀‖, Frobenius norms, mean over outputs.
        cka_given, cka_true: centred alignment of K with the given and the true labels.
        cka_shuffled: with the labels in random order, mean over all orders.
        weight_norm: length of all weights together.
        weight_movement: ‖θ − θ₀‖ ∕ ‖θ₀‖.
    """

    movement: float | None
    cka_given: float | None
    cka_true: float | None
    cka_shuffled: float | None
    weight_norm: float
    weight_movement: float | None


@dataclass(frozen=True, repr=False)
class TangentKernel(Result):
    """Kernel and weights at the checkpoints of a run, and those of an untrained network.

    Attributes:
        rows: by step, ascending.
        start: of the initial network, against which all is measured.
        untrained: of a network with initial weights of another seed: the control.
        seed: of its weights.
        caption: outputs, pairs, seed, step.
    """

    rows: Mapping[int, Tangent]
    start: Tangent
    untrained: Tangent
    seed: int
    caption: str

    MAIN: ClassVar[tuple[str, ...]] = ("movement", "cka_given", "cka_shuffled")

    @property
    def note(self) -> str:
        """What the controls are, and what an output scale does."""
        return (
            "CKA of centred kernels, mean over outputs; controls: the initial network, an "
            f"untrained network (weights of seed {self.seed}), labels in random order (mean over "
            "all orders); an output scale κ changes neither movement nor CKA at the same weights, "
            "but training: under Adam, which cancels a loss over κ², the rate is divided by κ"
        )

    def values(self) -> dict[str, float | None]:
        """Those of :class:`Tangent` at the last step, with ``start_`` and ``untrained_``."""
        newest = self.rows[max(self.rows)]
        parts = (("", newest), ("start_", self.start), ("untrained_", self.untrained))
        return {
            f"{part}{name}": value for part, one in parts for name, value in asdict(one).items()
        }

    def to_pandas(self) -> pd.DataFrame:
        """A row a checkpoint, and a row for each control that is a network."""
        import pandas as pd

        rows = {
            f"step {step}": {"control": step == 0, **asdict(r)} for step, r in self.rows.items()
        }
        if 0 not in self.rows:
            rows = {"initial": {"control": True, **asdict(self.start)}, **rows}
        rows[f"untrained, seed {self.seed}"] = {"control": True, **asdict(self.untrained)}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="network")


@dataclass(frozen=True)
class _Seen:
    """What kernels are taken of: some training pairs with their labels, and some outputs."""

    pairs: Int[Tensor, "pair 2"]
    given: Int[np.ndarray, " pair"]
    true: Int[np.ndarray, " pair"]
    outputs: Int[Tensor, " output"]

    def is_label(self, labels: Int[np.ndarray, " pair"]) -> Bool[Tensor, "output pair"]:
        return torch.as_tensor(labels)[None] == self.outputs[:, None]


def unknown_start(run: Run) -> str | None:
    """Why the initial weights of a run are not known."""
    if run.origin.trained_here:
        return None
    return (
        "expected a run that was trained here, whose initial weights are known; got one that was "
        f"{run.origin.kind}"
    )


@measure(
    "tangent_kernel",
    reads="run",
    source="Kumar et al. 2024 (arXiv 2310.06110), lazy to rich; movement and alignment of the NTK",
    refuses=unknown_start,
)
def tangent_kernel(run: Run, *, pairs: int = 256, outputs: int = 8, seed: int = 0) -> TangentKernel:
    """How far the tangent kernel moved from its initial one, and its alignment with the labels.

    A network whose kernel stays is lazy: a linear model in the features that it was born with. One
    whose kernel moves learns features. All is measured against the network at step 0, which where
    it was not saved is drawn again from the run's seed; in float64, on training pairs.

    Args:
        run: trained here.
        pairs: how many training pairs are drawn; all, if there are fewer.
        outputs: how many answers are drawn, each of which has a kernel; all, if there are fewer.
        seed: of both draws.
    """
    seen = _drawn(run.dataset, whole(pairs, "pairs", least=2), whole(outputs, "outputs", 1), seed)
    known = 0 in run.steps
    start = run.checkpoint(0).network if known else initial_network(run.config, run.dataset.task)
    born = in_float64(start)
    first = tangent_kernels(born, seen.pairs, seen.outputs)

    def beside(network: Network) -> Tangent:
        return _tangent(in_float64(network), born, first, seen)

    other = run.config.seed_of("weights") + 1
    words = f"tangent kernels of {len(seen.outputs)} outputs on {len(seen.given)} training pairs"
    return TangentKernel(
        rows={step: beside(run.checkpoint(step).network) for step in run.steps},
        start=beside(born),
        untrained=beside(untrained(start, seed=other)),
        seed=other,
        caption=place(run.seed, run.last_step, words),
    )


def _drawn(dataset: Dataset, pairs: int, outputs: int, seed: int) -> _Seen:
    random = stream(seed, "tangents")
    some = np.sort(random.permutation(np.flatnonzero(dataset.is_train))[:pairs])
    answers = np.sort(random.permutation(dataset.task.n_answers)[:outputs])
    return _Seen(
        torch.as_tensor(dataset.pairs[some]),
        dataset.given_label[some],
        dataset.true_label[some],
        torch.as_tensor(answers),
    )


@torch.no_grad()
def _tangent(
    network: Network, born: Network, first: Float[Tensor, "output pair pair"], seen: _Seen
) -> Tangent:
    with torch.enable_grad():
        kernels = tangent_kernels(network, seen.pairs, seen.outputs)
    moved = movement(kernels, first)
    given, true = seen.is_label(seen.given), seen.is_label(seen.true)
    # Both are taken of the same outputs: those that label a pair in either way.
    there = given.any(dim=1) & true.any(dim=1)
    kernels, given, true = kernels[there], given[there], true[there]
    return Tangent(
        movement=_mean(moved),
        cka_given=_mean(alignment(kernels, given)),
        cka_true=_mean(alignment(kernels, true)),
        cka_shuffled=_mean(shuffled_alignment(kernels)),
        weight_norm=weight_norm(network),
        weight_movement=_mean(weight_movement(network, born)[None]),
    )


def alignment(
    kernels: Float[Tensor, "output pair pair"], labels: Bool[Tensor, "output pair"]
) -> Float[Tensor, " output"]:
    """CKA with the kernel y yᵀ: yᵀ C y ∕ (‖C‖ ‖Hy‖²), C = H K H, H = 1 − 11ᵀ ∕ n; 0 to 1.

    NaN where the kernel or the labels are the same everywhere.
    """
    centred = _centred(kernels)
    y = labels.to(kernels.dtype)
    y = y - y.mean(dim=1, keepdim=True)
    along = torch.einsum("ox,oxy,oy->o", y, centred, y)
    return along / (centred.flatten(1).norm(dim=1) * y.square().sum(dim=1))


def shuffled_alignment(kernels: Float[Tensor, "output pair pair"]) -> Float[Tensor, " output"]:
    """The mean of :func:`alignment` over all orders of any labels: tr C ∕ ((n − 1) ‖C‖)."""
    centred = _centred(kernels)
    trace = centred.diagonal(dim1=1, dim2=2).sum(dim=1)
    return trace / ((kernels.shape[-1] - 1) * centred.flatten(1).norm(dim=1))


def _centred(kernels: Float[Tensor, "output pair pair"]) -> Float[Tensor, "output pair pair"]:
    rows = kernels - kernels.mean(dim=1, keepdim=True)
    return rows - rows.mean(dim=2, keepdim=True)


def _mean(values: Tensor) -> float | None:
    """Of those that exist."""
    known = values[values.isfinite()]
    return float(known.mean()) if len(known) else None
