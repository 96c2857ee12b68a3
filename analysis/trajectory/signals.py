"""Signals of what a network learns, all cheap enough to be noted while it trains."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.information import Rows, extremes_of, group_means, ward
from interp.analysis.mechanism.rule import answer_elements, no_rule
from interp.analysis.memorization.hook_points import activations
from interp.analysis.memorization.logits import answers_of
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.numbers import Numbers
from interp.analysis.trajectory.efficiency import degree, given_logit
from interp.analysis.trajectory.tangents import movement, tangent_kernels, weight_movement
from interp.training.arguments import whole
from interp.training.config.run_config import RunConfig
from interp.training.data.dataset import Dataset
from interp.training.evaluation import in_float64
from interp.training.models.kinds import initial_network
from interp.training.models.network import Network
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.folder import weight_norm

WORDS = {
    "test_accuracy": "test accuracy",
    "ipr": "mean IPR",
    "held_out": "held-out restricted accuracy",
    "movement": "movement of the tangent kernel",
    "weights": "movement of the weights",
    "synergy": "synergy",
    "synergy_random": "synergy of random groups",
    "efficiency": "efficiency",
}
_GROUPS, _PAIRS, _OUTPUTS = 10, 100, 4


@measure(
    "signals",
    source="progress measures of six papers, side by side: this project",
    version=2,
)
def signals(checkpoint: Checkpoint, *, pairs: int = 500, seed: int = 0) -> Numbers:
    """Six signals of what a network learns, cheap enough to be noted at many steps.

    - ``ipr``: mean over the neurons of the first layer that have one;
    - ``held_out``: test accuracy of the logits' means over test pairs with one answer, in which
      training pairs have no vote (held-out restricted, all blocks);
    - ``movement``: ‖K − K₀‖ ∕ ‖K₀‖ of the tangent kernel (100 pairs, 4 outputs), where it has a
      closed form; ``weights``: ‖θ − θ₀‖ ∕ ‖θ₀‖;
    - ``synergy``: least O-information of ten groups of neurons; ``synergy_random``: of random
      groups, its control;
    - ``efficiency``: mean given logit over the weight norm to its power.

    What is not defined for a network is none. ``test_accuracy`` stands beside them. Whether a
    signal tells of the rule shows the same signal of a network with random labels.

    Args:
        checkpoint: of a network.
        pairs: how many are drawn for the synergy.
        seed: of that draw, of random groups, and of the pairs of the kernel.
    """
    whole(pairs, "pairs", least=10)
    network, dataset = checkpoint.network, checkpoint.scored_on
    with torch.no_grad():
        logits = network.logits(torch.as_tensor(dataset.pairs))
    found: dict[str, float | None] = dict.fromkeys(WORDS)
    found["test_accuracy"] = _test_accuracy(dataset, logits)
    if no_neurons(checkpoint) is None:
        found["ipr"] = neuron_table(checkpoint).mean_ipr
        found |= _synergy(network, pairs, seed)
    if no_rule(checkpoint.task) is None:
        found["held_out"] = _held_out(dataset, logits)
    power = degree(network)
    if power is not None:
        found["efficiency"] = given_logit(dataset, logits) / weight_norm(network) ** power
    if checkpoint.config is not None:
        found |= _moved(checkpoint.exact, checkpoint.config, dataset, seed)
    words = f"synergy of {_GROUPS} groups on {pairs} pairs"
    return Numbers(found, place(checkpoint.seed, checkpoint.step, words))


def _test_accuracy(dataset: Dataset, logits: Float[Tensor, "pair answer"]) -> float | None:
    test = ~dataset.is_train
    right = answers_of(logits) == dataset.true_label
    return float(right[test].mean()) if test.any() else None


def _held_out(dataset: Dataset, logits: Float[Tensor, "pair answer"]) -> float | None:
    """With the functions of all blocks, the fit to test pairs is their mean by the right answer."""
    elements = answer_elements(dataset.task)
    test = ~dataset.is_train & np.isin(dataset.true_label, elements)
    if not test.any():
        return None
    order = np.argsort(dataset.true_label[test], kind="stable")
    rows = logits.cpu().numpy()[np.flatnonzero(test)[order]]
    answers, first, count = np.unique(
        dataset.true_label[test][order], return_index=True, return_counts=True
    )
    total = np.add.reduceat(rows, first, axis=0, dtype=np.float64)
    right = answers_of(torch.from_numpy(total)) == answers  # of a sum as of a mean
    return float((right * count).sum() / count.sum())


def _synergy(network: Network, pairs: int, seed: int) -> dict[str, float | None]:
    random = stream(seed, "control")
    some = random.permutation(network.task.pairs)[:pairs]
    rows: Rows = activations(network, some).get("post.0", np.zeros((len(some), 0)))
    rows = rows[:, rows.std(axis=0) > 0]
    if rows.shape[1] <= _GROUPS:
        return {}
    own = ward(rows, _GROUPS)
    if own.max() + 1 < _GROUPS:
        return {}
    drawn = random.permutation(own)
    each = {"synergy": own, "synergy_random": drawn}
    return {name: extremes_of(group_means(rows, one)).synergy for name, one in each.items()}


def _moved(
    network: Network, config: RunConfig, dataset: Dataset, seed: int
) -> dict[str, float | None]:
    """How far kernel and weights of a network in float64 are from the initial network's."""
    born = in_float64(initial_network(config, dataset.task))
    found: dict[str, float | None] = {"weights": float(weight_movement(network, born))}
    if not network.model.row.by_hand(network.model):
        return found
    random = stream(seed, "tangents")
    some = torch.as_tensor(random.permutation(dataset.pairs)[:_PAIRS])
    outputs = torch.as_tensor(random.permutation(dataset.task.n_answers)[:_OUTPUTS])
    now, then = (tangent_kernels(one, some, outputs) for one in (network, born))
    return found | {"movement": float(movement(now, then).mean())}
