"""How fast a step is: beside a textbook, beside what the card can do, alone and in cohorts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import nn

from interp.training.config.plain_data import with_overrides
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.randomness import stream
from interp.training.trainer.cohort import Cohort
from interp.training.trainer.device import product_precision
from interp.training.trainer.loop import dataset_of
from tests.benchmarks.gpu.correctness import far
from tests.benchmarks.gpu.counted import empty_cache, peak_gibibytes, work_of
from tests.benchmarks.gpu.item import Found, Items, Place
from tests.benchmarks.textbook import TextbookTraining, one_hot
from tests.benchmarks.timing import alternate
from tests.benchmarks.transformer_textbook import TextbookMLP, TextbookTransformer, tokens

Change = Mapping[str, Any]
# The paper's network, and others of its size.
STEPS: Mapping[str, tuple[Change, Callable[[Any], nn.Module]]] = {
    "two layers, full batch": ({}, TextbookMLP),
    "three layers, ReLU, full batch": ({"model.depth": 3}, TextbookMLP),
    "BatchNorm, batch 64": (
        {"model.norm": "batch", "optimizer.batch_size": 64, "optimizer.lr": 0.005},
        TextbookMLP,
    ),
    "Transformer, full batch": (
        {"model": {"kind": "transformer"}, "optimizer": {"lr": 0.001, "weight_decay": 1.0}},
        TextbookTransformer,
    ),
}
COHORTS: Mapping[str, tuple[Change, tuple[int, ...]]] = {
    "p 23, N 64": ({"task.p": 23, "model.width": 64}, (1, 4, 16, 64, 256, 1024)),
    "p 97, N 500": ({}, (1, 4, 16, 64, 128)),
}
TOY: Change = {"task.p": 7, "model.width": 8}
TOY_TRANSFORMER: Change = {"task.p": 7, "model.d_model": 8, "model.n_heads": 2, "model.d_mlp": 8}
_COMPARED = 20  # steps after which weights are compared


def items() -> Items:
    """Every measurement by its name."""
    found = {"what the device can do": what_it_can_do}
    for name, (change, textbook) in STEPS.items():
        found[f"step: {name}"] = partial(step, change, textbook)
    for name, (change, sizes) in COHORTS.items():
        found[f"cohorts: {name}"] = partial(cohorts, change, sizes)
    found["TF32: two layers"] = partial(tf32, {})
    found["TF32: Transformer"] = partial(tf32, STEPS["Transformer, full batch"][0])
    found["CUDA graph: two layers"] = partial(graph, {})
    found["CUDA graph: Transformer"] = partial(graph, STEPS["Transformer, full batch"][0])
    return found


def what_it_can_do(place: Place) -> Found:
    """Rates of square products, and of a copy, which reads and writes."""
    rates = _rates(place.device, place.toy)
    note = "TFLOP a second of a product of large squares; a copy's bytes read and written"
    return Found(
        {name: value / (1e9 if "GB" in name else 1e12) for name, value in rates.items()}, note=note
    )


@cache
def _rates(device: str, toy: bool) -> dict[str, float]:
    """Per second: operations of products, by type, and bytes of a copy."""
    place, size = Place(device, toy), 32 if toy else 8192
    kinds = {
        "float64": (torch.float64, "highest"),
        "float32": (torch.float32, "highest"),
        "TF32": (torch.float32, "high"),
        "bfloat16": (torch.bfloat16, "highest"),
    }
    found = {}
    for name, (dtype, precision) in kinds.items():
        square = torch.randn(size, size, device=device).to(dtype)
        out = torch.empty_like(square)
        with product_precision(precision):  # type: ignore[arg-type]
            seconds = _seconds({"": lambda a=square, o=out: torch.mm(a, a, out=o)}, place)[""]
        found[f"{name}, TFLOP/s"] = 2 * size**3 / seconds
    block = torch.ones(2**12 if toy else 2**28, device=device)
    other = torch.empty_like(block)
    seconds = _seconds({"": lambda: other.copy_(block)}, place)[""]
    found["copy, GB/s"] = 2 * block.numel() * block.element_size() / seconds
    return found


def step(change: Change, textbook: Callable[[Any], nn.Module], place: Place) -> Found:
    """A run alone beside the textbook, both without waiting for the device at every step."""
    config = _config(change, place)
    ours, theirs = _cohort([config], place), _textbook(config, textbook, place)
    seconds = _seconds({"ours": ours.advance, "textbook": theirs.advance}, place)
    values = {
        "ours, ms": 1e3 * seconds["ours"],
        "textbook, ms": 1e3 * seconds["textbook"],
        "ours / textbook": seconds["ours"] / seconds["textbook"],
    }
    return Found({**values, **_shares(config, seconds["ours"], place)}, note="float32, one run")


def cohorts(change: Change, sizes: tuple[int, ...], place: Place) -> Found:
    """Runs × steps a second against the number of runs; what does not fit ends the list."""
    values: dict[str, Any] = {}
    shares: dict[str, float] = {}
    note, best = "", 0.0
    for size in sizes[:2] if place.toy else sizes:
        empty_cache(place.torch_device)
        try:
            configs = [_config({**change, "seed": seed}, place) for seed in range(size)]
            trained = _cohort(configs, place)
            seconds = _seconds({"": trained.advance}, place)[""]
        except RuntimeError as error:  # a shortage within a capture has another name
            note = f"{size} runs: {' '.join(str(error).split())[:200]}; "
            break
        values[f"{size} runs, runs·steps/s"] = size / seconds
        values[f"{size} runs, GiB"] = peak_gibibytes(place.torch_device)
        if size / seconds > best:
            best, shares = size / seconds, _shares(configs[0], seconds / size, place)
            values["fastest at"] = size
        del trained
    return Found({**values, **shares}, note=f"{note}float32; shares are of the fastest")


def tf32(change: Change, place: Place) -> Found:
    """A step with products in TF32 beside one in float32, and how far apart they come out."""
    config, weights, both = _config(change, place), {}, {}
    for name in ("highest", "high"):
        cohort = _cohort([config], place)
        start = _weights(cohort)
        with product_precision(name):
            for _ in range(_COMPARED):
                cohort.advance()
        weights[name] = _weights(cohort)
        both[name] = _within(name, cohort.advance)
    seconds = _seconds(both, place)
    return Found(
        {
            "float32, ms": 1e3 * seconds["highest"],
            "TF32, ms": 1e3 * seconds["high"],
            "TF32 / float32": seconds["high"] / seconds["highest"],
            f"difference after {_COMPARED} steps": far(weights["high"], weights["highest"], start),
        },
        note="difference: share of the distance that the weights have travelled",
    )


def graph(change: Change, place: Place) -> Found:
    """A step replayed as a CUDA graph beside one launched operation by operation."""
    config = _config(change, place)
    replayed, launched = _cohort([config], place), _cohort([config], place)
    launched._graph = False
    seconds = _seconds({"replayed": replayed.advance, "launched": launched.advance}, place)
    values = {f"{name}, ms": 1e3 * value for name, value in seconds.items()}
    ratio = seconds["replayed"] / seconds["launched"]
    note = "" if place.device == "cuda" else "a processor has no graph: both are launched"
    return Found({**values, "replayed / launched": ratio}, note=note)


def _shares(config: RunConfig, seconds: float, place: Place) -> dict[str, float]:
    """Shares of the device's own rates, of a step of one run."""
    operations, moved = work_of(_cohort([config], place)._compute)
    rates = _rates(place.device, place.toy)
    return {
        "share of float32 rate": operations / seconds / rates["float32, TFLOP/s"],
        "share of bandwidth": moved / seconds / rates["copy, GB/s"],
    }


def _seconds(contenders: Mapping[str, Callable[[], object]], place: Place) -> dict[str, float]:
    """Median seconds of each, in turns; the device is waited for after several."""
    several, rounds = (1, 1) if place.toy else (20, 7)

    def done(call: Callable[[], object]) -> None:
        for _ in range(several):
            call()
        place.wait()

    found = alternate({name: partial(done, call) for name, call in contenders.items()}, rounds)
    return {name: found[name].median / several for name in contenders}


def _within(precision: Any, call: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        with product_precision(precision):
            call()

    return run


def _config(change: Change, place: Place) -> RunConfig:
    values: dict[str, Any] = {
        "task": {"p": 97},
        "data": {"fraction": 0.5, "corruption": 0.35},
        "steps": 1,
        "dtype": "float32",
    }
    values = with_overrides(values, change)
    if place.toy:
        kind = values.get("model", {}).get("kind")
        values = with_overrides(values, TOY_TRANSFORMER if kind == "transformer" else TOY)
        if values.get("optimizer", {}).get("batch_size"):
            values = with_overrides(values, {"optimizer.batch_size": 8})
    return parse_config(values)


def _cohort(configs: list[RunConfig], place: Place) -> Cohort:
    return Cohort(configs, [dataset_of(c) for c in configs], place.torch_device, run_axis=True)


def _textbook(
    config: RunConfig, make: Callable[[Any], nn.Module], place: Place
) -> TextbookTraining:
    """The textbook from the same weights and on the same minibatches."""
    ours = _cohort([config], place)
    data, seed = dataset_of(config), config.seed_of("batches")
    count = int(data.is_train.sum())

    def order(epoch: int) -> np.ndarray:
        return stream(seed, "batches", epoch).permutation(count)

    encode = tokens if config.model.kind == "transformer" else one_hot
    batches = order if config.optimizer.batch_size else None
    return TextbookTraining(make(ours.networks[0]), data, config.optimizer, encode, batches)


def _weights(cohort: Cohort) -> dict[str, np.ndarray]:
    return {n: w.detach().cpu().numpy().copy() for n, w in cohort.networks[0].state_dict().items()}
