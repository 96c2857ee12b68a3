"""Compiled steps of a run: which runs have them, and how arrays get there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interp.training.config.run_config import RunConfig
from interp.training.evaluation import Evaluation
from interp.training.models.network import Network
from interp.training.trainer.batches import Examples
from interp.training.trainer.compiled.bound import LOSS, PHI, Binding, Bound, Share
from interp.training.trainer.compiled.parts import Team
from interp.training.trainer.compiled.transformer.bound import BlockBinding
from interp.training.trainer.optimizer import Updater, rate_factor

# A shorter run is over before the kernel has been compiled, which happens once a machine.
_LEAST_STEPS = 500
# Beyond so many activations a step, torch's own products and threads are as fast.
_MOST = 2**19
# Multiplications a step from which another thread pays.
_WORK_A_THREAD = 8 * 10**6
# Multiplications a call, some tenths of a second: between calls a run can be interrupted.
_WORK_A_CALL = 2**32


def fits(config: RunConfig, examples: int) -> bool:
    """Whether runs on a CPU take compiled steps: it depends on nothing but the configuration.

    Args:
        config: of the run.
        examples: of the training set.
    """
    model, optimizer = config.model, config.optimizer
    written = model.phi in PHI and config.loss in LOSS and optimizer.name == "adamw"
    exact = config.precision == "highest"
    others = config.start.freeze or model.dropout_masks is not None
    if not written or not exact or others or config.steps < _LEAST_STEPS:
        return False
    if model.row.one_block(model):
        return optimizer.batch_size is None
    size = (optimizer.batch_size or examples) * model.neurons
    return model.row.two_matrices(model) and model.norm != "layer" and size <= _MOST


class CompiledSteps:
    """Updates of a two-layer network, or of a Transformer of one block, many a call.

    The same numbers as gradients by autograd and torch's AdamW, to rounding. A step depends on its
    number and on what the updater and the network hold, so that it does not matter how many there
    are in a call.

    Args:
        network: trained in place.
        examples: of its run.
        config: for which :func:`fits` holds.
        updater: has the moments; nothing else of it is used.
        run: number of the network in the updater.
    """

    def __init__(
        self, network: Network, examples: Examples, config: RunConfig, updater: Updater, run: int
    ) -> None:
        self._network, self._examples, self._config = network, examples, config
        self._updater, self._run = updater, run
        self.at_once = max(1, _WORK_A_CALL // self._step_work())
        one_block = config.model.row.one_block(config.model)
        self._binding = (BlockBinding if one_block else Binding)(network, examples, config)
        self._bound: Bound | None = None

    def _step_work(self) -> int:
        examples = self._examples
        return 6 * examples.count * self._network.model.neurons * examples.answers

    def rebind(self) -> None:
        """Must be called when the updater holds other tensors than before."""
        self._bound = None

    def advance(self, step: int, count: int) -> Float[Tensor, " step"]:
        """Makes the updates from ``step`` on; returns the mean loss before each.

        A loss that is not finite is the last one computed, and repeated for the steps after it.
        """
        bound = self._bound_for(self._parts(torch.get_num_threads()))
        config = self._config
        factors = [
            rate_factor(one, config.steps, config.optimizer) for one in range(step, step + count)
        ]
        adam = bound.adam._replace(factors=np.array(factors), done=step)
        losses = _together(bound.stepping(adam, self._examples.rows(step, count)), bound.parts)[0]
        for counter in bound.counters:
            counter.fill_(step + count)
        return torch.from_numpy(losses)

    def sums(self, evaluation: Evaluation) -> Float[np.ndarray, "2 label part"]:
        """What an evaluation makes scores of: all pairs, by the weights as they are now."""
        bound = self._bound_for(self._parts(torch.get_num_threads()))
        return np.sum(_together(bound.scoring(evaluation), bound.parts), axis=0)

    def _bound_for(self, parts: int) -> Bound:
        if self._bound is None or self._bound.parts != parts:
            self._bound = self._binding.bind(self._updater.adam(self._run), parts)
        return self._bound

    def _parts(self, threads: int) -> int:
        """How many threads share a step: as many as torch's where that pays."""
        alone = self._config.model.norm == "batch"  # which looks at all examples at once
        return 1 if alone else max(1, min(threads, self._step_work() // _WORK_A_THREAD))


def _together(share: Share, parts: int) -> list[np.ndarray]:
    """What each thread gives, all of them at work at the same time."""
    # Here, because numba costs memory and time that only these steps should pay.
    from interp.training.trainer.compiled.blas import blas_threads
    from interp.training.trainer.compiled.threads import together

    totals, arrived = np.zeros(parts), np.zeros(1, np.int64)
    with blas_threads(1):
        return together(lambda part: share(Team(part, parts, totals, arrived)), parts)


def compiled_steps(
    networks: Sequence[Network],
    examples: Sequence[Examples],
    configs: Sequence[RunConfig],
    updater: Updater,
) -> list[CompiledSteps]:
    """Those of each run, where :func:`fits` holds; none if there are no examples without run axis.

    Args:
        networks: of each run.
        examples: of each run, or empty.
        configs: of each run, alike in all that matters here.
        updater: of all runs.
    """
    if not examples or not fits(configs[0], examples[0].total):
        return []
    each = zip(networks, examples, configs, strict=True)
    return [CompiledSteps(*one, updater, run) for run, one in enumerate(each)]
