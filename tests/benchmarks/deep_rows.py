"""Rows of a three-layer MLP: its step against its own matrix products, and in bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch

from interp.training.trainer.device import product_precision
from tests.benchmarks.network_rows import config_of, mlp_step, other_side
from tests.benchmarks.row import Row
from tests.benchmarks.timing import alternate
from tests.benchmarks.trainer import Trainer
from tests.benchmarks.transformer_textbook import TextbookMLP

WHAT = "MLP of 3 layers, ReLU, width 500, full batch"


def deep_steps(rounds: int, device: torch.device) -> Iterator[Row]:
    """The step against the textbook's; its products alone; both sides again in bfloat16."""
    config = config_of(depth=3)
    yield mlp_step(WHAT, config, rounds, device)
    ours = Trainer(config, device)
    if device.type != "cpu":
        return
    sizes = int(ours.dataset.is_train.sum()), config.model.width, config.task.p
    products = deep_products(*sizes)
    timings = alternate({"ours": ours.step, "products": products}, rounds)
    yield Row(
        f"{WHAT}: share of the step that its six matrix products take alone",
        "ms",
        timings["products"].times(1e3),
        timings["ours"].times(1e3),
        "our step",
        timings.ratio("products", "ours"),
    )
    medium, textbook = Trainer(config, device), other_side(ours, TextbookMLP)
    steps = {"ours": partial(_medium, medium.step), "textbook": textbook.step}
    timings = alternate(steps, rounds)
    yield Row(
        f"{WHAT}: our step with precision medium, the textbook's in float32",
        "ms",
        timings["ours"].times(1e3),
        timings["textbook"].times(1e3),
        "textbook",
        timings.ratio("ours", "textbook"),
        limit=0.55,
        target="≤ 0.55 of the textbook's, on a processor with AMX",
    )


def _medium(step: Callable[[], float]) -> None:
    with product_precision("medium"):
        step()


def deep_products(pairs: int, width: int, answers: int) -> Callable[[], None]:
    """Three products of each of the two matrices that are not looked up, into buffers."""
    post, middle, readout = (
        torch.ones(pairs, width),
        torch.ones(width, width),
        torch.ones(width, answers),
    )
    after, logits = torch.empty_like(post), torch.empty(pairs, answers)
    of_middle, of_readout, of_post = map(torch.empty_like, (middle, readout, post))

    def run() -> None:
        torch.mm(post, middle, out=after)
        torch.mm(after, readout, out=logits)
        torch.mm(after.T, logits, out=of_readout)
        torch.mm(logits, readout.T, out=of_post)
        torch.mm(post.T, of_post, out=of_middle)
        torch.mm(of_post, middle.T, out=after)

    return run
