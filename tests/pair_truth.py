"""What neurons add to margins, from the weights alone: a second implementation for tests."""

from __future__ import annotations

import numpy as np

PHI = {"square": np.square, "relu": lambda pre: np.maximum(pre, 0)}


def logits_by_neuron(network) -> np.ndarray:
    """(first operand, second operand, neuron, answer) of a network of two layers, in float64."""
    weights = {name: one.detach().double().numpy() for name, one in network.named_parameters()}
    p = network.task.p
    u, v = np.split(weights["blocks.0.mlp.W_in"], [p])
    pre = u[:, None, :] + v[None, :, :] + weights.get("blocks.0.mlp.b_in", 0)
    hidden = PHI[network.model.phi](pre)
    return hidden[..., None] * (weights["unembed.W_U"] * network.model.logit_scale)


def margins_by_neuron(network, data) -> dict[tuple[int, int], tuple[np.ndarray, int, int]]:
    """By operands: votes of the neurons, the label ahead and the answer behind."""
    parts = logits_by_neuron(network)
    bias = dict(network.named_parameters()).get("unembed.b_U")
    bias = 0 if bias is None else bias.detach().numpy()
    found = {}
    for i, (x, y) in enumerate(data.pairs.tolist()):
        label = int(data.given_label[i] if data.is_train[i] else data.true_label[i])
        if data.is_train[i] and label != data.true_label[i]:
            other = int(data.true_label[i])
        else:
            sums = parts[x, y].sum(axis=0) + bias
            other = max((a for a in range(len(sums)) if a != label), key=lambda a: sums[a])
        found[x, y] = (parts[x, y, :, label] - parts[x, y, :, other], label, other)
    return found
