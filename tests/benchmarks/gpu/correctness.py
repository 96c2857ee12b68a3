"""Whether a device computes what the processor does, together as alone, and goes on where it was.

On a processor the same items compare the program with a run axis, which a card always runs, with
the one without.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import torch

from interp.analysis.trajectory.recorder import Recorder
from interp.training.config.run_config import RunConfig
from interp.training.config.sections import SITES
from interp.training.models.layers.noise import Noise, dropout_key
from interp.training.runs.run import Run
from interp.training.trainer.cohort import Cohort
from interp.training.trainer.loop import Interrupted, dataset_of, train_many
from tests.benchmarks.gpu.item import Found, Items, Place
from tests.benchmarks.gpu.settings import MEMBERS, NETWORKS, OPTIMIZERS, Change, config_of

# Of the distance that the weights have travelled: rounding in another order, and what Adam makes
# of it where it divides gradients near zero by their own size. A wrong setting moves all of it.
TOLERANCES = {"float64": 1e-9, "float32": 1e-4}
# torch's Muon orthogonalizes in bfloat16, of 8 bits, five times in a row.
MUON_TOLERANCE = 0.05
# The bias of keys shifts all scores of a query alike, which the softmax does not see: its gradient
# is rounding and nothing else, of which Adam makes steps.
_WITHOUT_GRADIENT = "b_K"
TRANSFORMER = NETWORKS["Transformer"]
_RESUMED = ("MLP, BatchNorm, minibatches", "Transformer, 2 causal blocks of everything")


def items() -> Items:
    """Every check by its name."""
    found = {}
    for dtype in TOLERANCES:
        for name, change in NETWORKS.items():
            found[f"{name}, {dtype}"] = partial(device_and_processor, (change,), dtype)
        for name, change in OPTIMIZERS.items():
            both = (TRANSFORMER, change)
            found[f"optimizer {name}, {dtype}"] = partial(device_and_processor, both, dtype)
    for name, change in NETWORKS.items():
        found[f"cohort and solo: {name}"] = partial(cohort_and_solo, change)
    for name in _RESUMED:
        found[f"resume: {name}"] = partial(resumed, (NETWORKS[name],))
    for name, change in OPTIMIZERS.items():
        found[f"resume: optimizer {name}"] = partial(resumed, (TRANSFORMER, change))
    for name in ("MLP", *_RESUMED):
        found[f"CUDA graph on and off: {name}"] = partial(graph_on_and_off, NETWORKS[name])
    found["dropout hash"] = dropout_hash
    found["callbacks and records"] = watched
    return found


def device_and_processor(changes: tuple[Change, ...], dtype: str, place: Place) -> Found:
    """The same run on the processor alone and on the device."""
    config = config_of(place, *changes, dtype=dtype)
    (expected,) = train_many([config], device="cpu", run_axis=False)
    (found,) = train_many([config], device=place.device, run_axis=True)
    limit = MUON_TOLERANCE if config.optimizer.name == "muon" else TOLERANCES[dtype]
    return compared([run_of(found)], [run_of(expected)], limit, "device against processor")


def cohort_and_solo(change: Change, place: Place) -> Found:
    """Runs of a cohort, and each of them alone on the same device."""
    configs = [config_of(place, change, member) for member in MEMBERS]
    together = train_many(configs, device=place.device, run_axis=True)
    alone = [train_many([one], device=place.device, run_axis=True)[0] for one in configs]
    runs = [run_of(one) for one in together], [run_of(one) for one in alone]
    return compared(*runs, TOLERANCES["float64"], f"a cohort of {len(configs)} in float64")


def resumed(changes: tuple[Change, ...], place: Place) -> Found:
    """A run in one piece, the same again, and one that was cut off and went on: bit by bit."""
    config = config_of(place, *changes, dtype="float32")
    train = partial(train_many, [config], device=place.device, run_axis=True)
    whole, again = run_of(train()[0]), run_of(train()[0])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        with suppress(Interrupted):
            train([out], _interrupt_at(config.steps // 2))
        cut = not (out / "DONE").exists()
        went_on = run_of(train([out])[0])
        same = _bits(went_on, whole)
    repeated = _bits(again, whole)
    values = {"cut off": cut, "resumed bit-identical": same, "repeated bit-identical": repeated}
    return Found(values, cut and same, "float32, cut off in the middle")


def graph_on_and_off(change: Change, place: Place) -> Found:
    """The same steps replayed as a CUDA graph and launched one by one."""
    config = config_of(place, change)
    graphed, launched = (_weights_after(config, place, graph) for graph in (True, False))
    start = _start(config)
    values = {"difference": far(graphed, launched, start), "bit-identical": False}
    values["bit-identical"] = all(np.array_equal(graphed[n], launched[n]) for n in graphed)
    note = "" if place.device == "cuda" else "a processor has no graph: both are launched"
    return Found(values, values["difference"] <= TOLERANCES["float64"], note)


def watched(place: Place) -> Found:
    """What a callback is given stands on the processor, and measures of it are the last step's."""
    config = config_of(place, dtype="float32")
    where: set[str] = set()

    def look(step: int, scores: object, network: torch.nn.Module) -> None:
        where.update(weight.device.type for weight in network.parameters())

    recorder = Recorder("neurons", steps=[config.steps])
    train_many([config], device=place.device, run_axis=True, callbacks=[[look, recorder]])
    noted = {record.step: record.problems for record in recorder.records}
    there, right = where == {"cpu"}, noted == {config.steps: {}}
    return Found({"on the processor": there, "records": len(noted)}, there and right, "")


def dropout_hash(place: Place) -> Found:
    """Masks by tensors on the device, and by the compiled function on the processor."""
    same, places = True, 0
    for rate in (0.1, 0.5, 0.9):
        for step, layer in ((0, 0), (1, 3), (70_001, 64 * (1 + len(SITES)))):
            expected = _masks(rate, step, layer, "cpu", Noise._compiled)
            found = _masks(rate, step, layer, place.device, Noise._by_tensors)
            same = same and torch.equal(found.cpu(), expected)
            places += expected.numel()
    return Found({"places": places, "equal": same}, same, "bit by bit")


def _masks(
    rate: float, step: int, layer: int, device: str, way: Callable[..., torch.Tensor]
) -> torch.Tensor:
    where = torch.device(device)
    keys = torch.tensor([dropout_key(s) for s in (0, 1)], dtype=torch.int32, device=where)
    rates = torch.tensor([rate, rate / 2], dtype=torch.float64, device=where)
    number = torch.tensor(step, dtype=torch.int32, device=where)
    noise = Noise(keys, rates, number, True)
    return way(noise, 50, 40, layer, torch.float32, 7 * 40)


def compared(found: list[Run], expected: list[Run], limit: float, note: str) -> Found:
    """Last weights of runs, as shares of the distance from the start; losses too."""
    shares, losses = [], []
    for ours, theirs in zip(found, expected, strict=True):
        last, first = theirs.weights[theirs.last_step], theirs.weights[0]
        shares.append(far(ours.weights[ours.last_step], last, first))
        pairs = [(run.measurement().scores["train"].loss or 0.0) for run in (ours, theirs)]
        losses.append(abs(pairs[0] - pairs[1]) / abs(pairs[1]))
    values = {"difference": max(shares), "of the loss": max(losses), "allowed": limit}
    return Found(values, max(*shares, *losses) <= limit, note)


def far(ours: dict, theirs: dict, start: dict) -> float:
    """Norm of the difference of all tensors over that of what training has changed."""
    if ours.keys() != theirs.keys():
        return float("inf")
    names = [name for name in theirs if not name.endswith(_WITHOUT_GRADIENT)]
    apart = sum(float(np.square(ours[n] - theirs[n], dtype=float).sum()) for n in names)
    moved = sum(float(np.square(theirs[n] - start[n], dtype=float).sum()) for n in names)
    return float(np.sqrt(apart / moved))


def _bits(one: Run, other: Run) -> bool:
    ours, theirs = one.weights[one.last_step], other.weights[other.last_step]
    return all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def run_of(outcome: Run | Exception) -> Run:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _interrupt_at(step: int) -> Callable[[int, object], None]:
    def press(now: int, _: object) -> None:
        if now == step:
            signal.raise_signal(signal.SIGINT)

    return press


def cohort_of(config: RunConfig, place: Place) -> Cohort:
    return Cohort([config], [dataset_of(config)], place.torch_device, run_axis=True)


def _weights_after(config: RunConfig, place: Place, graph: bool) -> dict[str, np.ndarray]:
    cohort = cohort_of(config, place)
    cohort._graph = cohort._graph and graph
    for _ in range(config.steps):
        cohort.advance()
    return {n: w.detach().cpu().numpy() for n, w in cohort.networks[0].state_dict().items()}


def _start(config: RunConfig) -> dict[str, np.ndarray]:
    cohort = cohort_of(config, Place("cpu"))
    return {n: w.detach().numpy() for n, w in cohort.networks[0].state_dict().items()}
