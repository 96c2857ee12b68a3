"""Initial weights of each kind of network, drawn in float64."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from interp.training.models.mlp import MLP
from interp.training.models.transformer import Transformer


def mlp_weights(
    network: MLP, init: str, random: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """Matrices of an MLP.

    ``paper``: std (16N)^(-1/3) (Doshi et al. 2024, app. A); ``he``: sqrt(2 / fan-in), with 2p
    one-hot inputs; ``lazy``: variance 2 / N^(2/3).
    """
    width, p, q = network.width, network.task.p, network.task.n_answers

    def std(inputs: int) -> float:
        if init == "paper":
            return (16 * width) ** (-1 / 3)
        return (2 / inputs) ** 0.5 if init == "he" else 2**0.5 * width ** (-1 / 3)

    u, v = random.normal(size=(2, width, p))
    w = random.normal(size=(width, q))
    yield "blocks.0.mlp.W_in", std(2 * p) * np.concatenate([u, v], axis=1).T
    yield "unembed.W_U", std(width) * w
    for index in range(1, len(network.blocks)):
        yield f"blocks.{index}.mlp.W_in", std(width) * random.normal(size=(width, width))


def transformer_weights(
    network: Transformer, init: str, random: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """Matrices of a Transformer, in the order of its parameters.

    ``transformer_lens``: std 0.8 / sqrt(d_model), W_O and W_out times 1 / sqrt(2 · blocks), which
    is TransformerLens' native initialization. ``mup``: embeddings 1, matrices 1 / sqrt(fan-in),
    W_U 1 / d_model (the maximal-update scaling of Yang and Hu 2021, at one common rate).
    ``doshi``: embeddings 1, all matrices 1 / sqrt(fan-in), as the code of Doshi et al. 2024 has
    it; its scales of scores and logits are constants of the network.
    """
    model = network.model
    for name, weight in network.named_parameters():
        kind = name.rpartition(".")[2]
        if not kind.startswith("W_"):
            continue
        std = 0.8 / model.d_model**0.5
        if init == "transformer_lens" and kind in ("W_O", "W_out"):
            std /= (2 * model.n_layers) ** 0.5
        if init in ("mup", "doshi"):
            fan_in = model.n_heads * model.head_width if kind == "W_O" else weight.shape[-2]
            std = 1.0 if kind in ("W_E", "W_pos") else fan_in**-0.5
        if init == "mup" and kind == "W_U":
            std = 1 / model.d_model
        yield name, std * random.normal(size=tuple(weight.shape))
