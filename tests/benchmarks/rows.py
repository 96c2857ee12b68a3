"""One function a row: checks that both sides compute the same thing, then times them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from interp import report
from interp.analysis.ablation.curves import PruningCurves
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.ablation.ranking import Direction, removal_order
from interp.analysis.fourier.ipr import ipr
from interp.analysis.neurons.classify import NotBimodalWarning
from interp.analysis.neurons.read import neuron_table
from interp.training.data.splits import Split
from interp.training.runs.run import Run, load
from interp.training.trainer.loop import train
from tests.benchmarks.coexistence import coexistence_config
from tests.benchmarks.memory import measure_in_new_process
from tests.benchmarks.row import MismatchError, Row, require_close
from tests.benchmarks.textbook import (
    TextbookNetwork,
    TextbookPruning,
    TextbookTraining,
    ipr_curve_by_curve,
)
from tests.benchmarks.timing import Spread, alternate
from tests.benchmarks.trainer import Trainer
from tests.curves import curves_of

DIRECTIONS: tuple[Direction, ...] = ("lowest", "highest")
SIZES_A_DIRECTION = 10
DRAWS = 50
MEMORY_STEPS = 50
# Two logits closer than this share of the greater are a tie, which rounding may decide.
TIE = 1e-9


def training_step(rounds: int) -> list[Row]:
    """A full-batch step against the textbook's, and against its matrix products alone.

    ``train`` tells the C library to keep freed memory, for the whole process. It must not have
    run before: the textbook does no such thing.
    """
    ours = Trainer(coexistence_config(1), torch.device("cpu"))
    network = TextbookNetwork(curves_of(ours.network))
    textbook = TextbookTraining(network, ours.dataset, ours.config.optimizer)
    for _ in range(5):
        ours.step()
        textbook.step()
    require_close(
        "weights after 5 training steps",
        curves_of(ours.network),
        _curves_of(network),
        tolerance=1e-5,
    )
    products = three_products(int(ours.dataset.is_train.sum()), *curves_of(ours.network).shape[1:])
    timings = alternate(
        {"ours": ours.step, "textbook": textbook.step, "products": products}, rounds, runs=10
    )
    milliseconds = {name: timings[name].times(1e3) for name in timings.seconds}
    step = Row(
        "training step: loss, gradients, AdamW",
        "ms",
        milliseconds["ours"],
        milliseconds["textbook"],
        "textbook",
        timings.ratio("ours", "textbook"),
        limit=0.42,
        target="≤ 0.42 of the textbook's",
    )
    return [
        step,
        Row(
            "share of the step that its three dense matrix products take alone "
            "(`torch.mm` on whole matrices, outputs allocated before)",
            "ms",
            milliseconds["products"],
            milliseconds["ours"],
            "our step",
            timings.ratio("products", "ours"),
        ),
    ]


def three_products(pairs: int, width: int, p: int) -> Callable[[], None]:
    """The matrix products of a step: logits, gradient of the readout, gradient of the neurons."""
    post, readout, logits = torch.ones(pairs, width), torch.ones(width, p), torch.ones(pairs, p)
    grad_readout, grad_post = torch.empty_like(readout), torch.empty_like(post)

    def run() -> None:
        torch.mm(post, readout, out=logits)
        torch.mm(post.T, logits, out=grad_readout)
        torch.mm(logits, readout.T, out=grad_post)

    return run


class PrunedRun:
    """Both ways to the pruning curves of a run."""

    def __init__(self, run: Run) -> None:
        self.network, self.dataset = run.network(), run.dataset
        self.textbook = TextbookNetwork(curves_of(self.network))
        table = neuron_table(self.network)
        self.orders = {d: removal_order(table.ipr, table.dead, d) for d in DIRECTIONS}

    def ours(self) -> PruningCurves:
        """Everything from the weights on: neuron table, ranking, activations, scores."""
        orders = [(name, way) for name in ("IPR", "weight norm") for way in DIRECTIONS]
        return pruning_curve(self.network, self.dataset, draws=0, orders=orders)

    @cached_property
    def sizes(self) -> list[int]:
        """The sizes that the textbook is timed on, evenly spread."""
        return np.linspace(0, self.network.width - 1, SIZES_A_DIRECTION).astype(int).tolist()

    def sample(self) -> list[Mapping[Split, float]]:
        """The textbook's accuracies at the sizes of the sample, in both directions."""
        pruning = self._float32
        return [row for d in DIRECTIONS for row in pruning.evaluate(self.orders[d], self.sizes)]

    @cached_property
    def _float32(self) -> TextbookPruning:
        return TextbookPruning(self.textbook, self.dataset)

    def require_same(self) -> None:
        """Compares accuracies in float64, in which only ties leave a choice."""
        pruning = TextbookPruning(TextbookNetwork(curves_of(self.network)).double(), self.dataset)
        curves = self.ours()
        for direction in DIRECTIONS:
            for size in self.sizes:
                logits = pruning.logits(self.orders[direction][:size])
                tied = _tied(logits)
                for split, theirs in pruning.accuracy(logits).items():
                    curve = curves["IPR", direction].accuracy[split]
                    assert curve is not None
                    allowed = int(tied[self.dataset.members(split)].sum())
                    count = int(self.dataset.members(split).sum())
                    if abs(curve[size] - theirs) * count > allowed + 0.01:
                        raise MismatchError(
                            f"{split} accuracy after pruning {size} neurons of {direction} IPR: "
                            f"ours {curve[size]:.6f}, textbook {theirs:.6f}, {allowed} ties"
                        )


def pruning(run: Run, rounds: int) -> Row:
    """All pruning curves against a forward pass for every size."""
    sides = PrunedRun(run)
    sides.require_same()
    timings = alternate({"ours": sides.ours, "textbook": sides.sample}, rounds)
    sampled = len(DIRECTIONS) * SIZES_A_DIRECTION
    evaluations = len(DIRECTIONS) * (sides.network.width + 1)
    scale = evaluations / sampled
    return Row(
        "pruning curves on all six splits from the weights on, both directions; ours: accuracy "
        f"and loss, by IPR and by weight norm ({2 * evaluations} sizes, float64), compiled "
        f"before; textbook: accuracy by IPR ({evaluations} sizes, float32), scaled from a "
        f"sample of {sampled} sizes a round",
        "s",
        timings["ours"],
        timings["textbook"].times(scale),
        "textbook",
        timings.ratio("ours", "textbook", 1 / scale),
        limit=1 / 40,
        target="≤ 1/40 of the textbook's",
    )


def ipr_of_curves(run: Run, rounds: int) -> Row:
    """IPR of all curves of a network, in one call and curve by curve."""
    curves = curves_of(run.network())
    require_close("IPR", ipr(curves), ipr_curve_by_curve(curves), tolerance=1e-6)
    timings = alternate(
        {"ours": lambda: ipr(curves), "textbook": lambda: ipr_curve_by_curve(curves)},
        rounds,
        runs=5,
    )
    return Row(
        f"IPR of {curves.shape[1]} neurons × {curves.shape[0]} curves",
        "ms",
        timings["ours"].times(1e3),
        timings["textbook"].times(1e3),
        "textbook",
        timings.ratio("ours", "textbook"),
        limit=5,
        target="≤ 5 ms",
        limits_ours=True,
    )


def whole_report(folder: Path, rounds: int) -> Row:
    """From a run folder to its report."""
    with warnings.catch_warnings():
        # After few steps the IPRs are not two classes yet, which changes nothing in the time.
        warnings.simplefilter("ignore", NotBimodalWarning)
        timings = alternate({"ours": lambda: report(folder, draws=DRAWS)}, rounds)
    return Row(
        f"run folder ({load(folder).config.steps} steps) → neuron table → classes → pruning "
        f"curves with {DRAWS} random controls → report.html, imports and compilation done",
        "s",
        timings["ours"],
        limit=10,
        target="≤ 10 s",
        limits_ours=True,
    )


def memory(rounds: int) -> Row:
    """Peak memory of a run, with what the imports alone take."""
    found = [measure_in_new_process(MEMORY_STEPS, torch.get_num_threads()) for _ in range(rounds)]
    return Row(
        f"peak memory of a coexistence run of {MEMORY_STEPS} steps, in a process of its own",
        "MB",
        Spread.of([each["run"] for each in found]),
        Spread.of([each["imports"] for each in found]),
        "after the imports",
        Spread.of([each["run"] / each["imports"] for each in found]),
    )


def warm_up() -> None:
    """Compiles what is compiled on first use, on a network of a moment."""
    small = coexistence_config(1).replace("task.p", 7, "model.width", 8)
    pruning_curve(train(small), draws=1)


def _curves_of(network: TextbookNetwork) -> np.ndarray:
    first, second = network.hidden.weight.detach().chunk(2, dim=1)
    return torch.stack([first, second, network.readout.weight.detach().T]).double().numpy()


def _tied(logits: torch.Tensor) -> np.ndarray:
    """Pairs whose two greatest logits are too close to tell apart."""
    best, second = logits.topk(2, dim=1).values.T
    return (best - second <= TIE * best.abs()).numpy()
