"""Forward passes of other people's networks, in numpy, from the description of their layouts.

Nothing of the project is used here: these are what its readings are compared with. All pairs come
in the order m·p + n, and logits are (pair, answer).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


def arrays_of(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Tensors as numpy arrays of doubles."""
    return {name: one.detach().cpu().double().numpy() for name, one in state.items()}


def pairs_of(p: int) -> np.ndarray:
    """All pairs, (pair, 2)."""
    return np.array([(m, n) for m in range(p) for n in range(p)])


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    """GPT-2's GELU, by its formula."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


PHI: dict[str, Any] = {
    "relu": lambda x: np.maximum(x, 0),
    "square": lambda x: x**2,
    "cube": lambda x: x**3,
    "gelu_tanh": gelu_tanh,
}


def grokking(state: Arrays, p: int, tokens: np.ndarray, phi: str = "relu") -> np.ndarray:
    """The original grokking Transformer: vectors are columns, every matrix stands on their left.

    Args:
        state: ``embed.W_E`` (d, token), ``W_Q`` (head, d_head, d), ``W_O`` (d, head·d_head) …
        p: logits of the first p answers are given.
        tokens: (pair, position).
        phi: φ.
    """
    positions = state["pos_embed.W_pos"]
    if positions.shape[1] != len(state["embed.W_E"]):
        positions = positions.T
    x = state["embed.W_E"].T[tokens] + positions[: tokens.shape[1]]  # (pair, position, d)
    ahead = np.triu(np.ones((tokens.shape[1],) * 2, dtype=bool), 1)
    for block in range(sum(name.endswith("attn.W_O") for name in state)):
        start = f"blocks.{block}."
        heads = []
        for head in range(len(state[f"{start}attn.W_Q"])):
            q, k, v = (x @ state[f"{start}attn.W_{part}"][head].T for part in "QKV")
            scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
            heads.append(softmax(np.where(ahead, -np.inf, scores)) @ v)
        x = x + np.concatenate(heads, axis=-1) @ state[f"{start}attn.W_O"].T
        if f"{start}mlp.W_in" in state:
            zero = np.zeros(1)
            pre = x @ state[f"{start}mlp.W_in"].T + state.get(f"{start}mlp.b_in", zero)
            x = x + PHI[phi](pre) @ state[f"{start}mlp.W_out"].T
            x = x + state.get(f"{start}mlp.b_out", zero)
    return (x[:, -1] @ state["unembed.W_U"])[:, :p]


def hooked(
    state: Arrays, p: int, tokens: np.ndarray, phi: str = "relu", scale: float | None = None
) -> np.ndarray:
    """HookedTransformer without norms, causal: rows are vectors, matrices stand on their right."""
    x = state["embed.W_E"][tokens] + state["pos_embed.W_pos"][: tokens.shape[1]]
    ahead = np.triu(np.ones((tokens.shape[1],) * 2, dtype=bool), 1)
    for block in range(sum(name.endswith("attn.W_O") for name in state)):
        start, out = f"blocks.{block}.attn.", 0.0
        d_head = state[f"{start}W_Q"].shape[-1]
        for head in range(len(state[f"{start}W_Q"])):
            q, k, v = (
                x @ state[f"{start}W_{part}"][head] + _bias(state, f"{start}b_{part}", head)
                for part in "QKV"
            )
            scores = q @ k.transpose(0, 2, 1) / (np.sqrt(d_head) if scale is None else scale)
            out = out + softmax(np.where(ahead, -np.inf, scores)) @ v @ state[f"{start}W_O"][head]
        x = x + out + state.get(f"{start}b_O", 0.0)
        mlp = f"blocks.{block}.mlp."
        if f"{mlp}W_in" in state:
            pre = x @ state[f"{mlp}W_in"] + state.get(f"{mlp}b_in", 0.0)
            x = x + PHI[phi](pre) @ state[f"{mlp}W_out"] + state.get(f"{mlp}b_out", 0.0)
    return (x[:, -1] @ state["unembed.W_U"] + state.get("unembed.b_U", 0.0))[:, :p]


def _bias(state: Arrays, name: str, head: int) -> Any:
    return state[name][head] if name in state else 0.0


def encoder(state: Arrays, p: int, heads: int, phi: str = "relu", mu: float = 1.0) -> np.ndarray:
    """The paper authors' encoder without norms; ``scale`` = d^(−(1+s)/2) tells s."""
    pairs, tables = pairs_of(p), "transformer."
    d = state[f"{tables}wte.weight"].shape[1]
    scale = float(state["scale"].reshape(-1)[0])
    power = -np.log(scale) / np.log(d)
    x = state[f"{tables}wte.weight"][pairs] + state[f"{tables}wpe.weight"]
    for block in range(sum(name.endswith("c_fc.weight") for name in state)):
        start = f"{tables}h.{block}."
        q, k, v = np.split(x @ state[f"{start}attn.to_qkv.weight"].T, 3, axis=-1)
        out = []
        for part in np.split(np.arange(d), heads):
            scores = q[..., part] @ k[..., part].transpose(0, 2, 1) / len(part) ** power
            out.append(softmax(scores) @ v[..., part])
        x = mu * x + np.concatenate(out, axis=-1) @ state[f"{start}attn.o.weight"].T
        hidden = PHI[phi](x @ state[f"{start}mlp.c_fc.weight"].T)
        x = mu * x + hidden @ state[f"{start}mlp.c_proj.weight"].T
    return scale * x[:, -1] @ state["lm_head.weight"].T


def two_tables(state: Arrays, p: int, phi: str = "relu") -> np.ndarray:
    """``W_x``, ``W_y`` (element, d), side by side, then ``W`` (2d, N) and ``W_U`` (N, p)."""
    m, n = pairs_of(p).T
    joined = np.concatenate([state["W_x"][m], state["W_y"][n]], axis=1)
    return PHI[phi](joined @ state["W"]) @ state["W_U"]


def shared_columns(state: Arrays, p: int, phi: str = "relu") -> np.ndarray:
    """``W_in`` (N, p) times the sum of both one-hot operands, then ``W_out`` (p, N)."""
    m, n = pairs_of(p).T
    return PHI[phi](state["W_in"][:, m] + state["W_in"][:, n]).T @ state["W_out"].T


def one_table_linear(state: Arrays, p: int) -> np.ndarray:
    """One ``nn.Embedding``, both rows side by side into ``l1``, ReLU, ``unembed``."""
    m, n = pairs_of(p).T
    joined = np.concatenate([state["embed.weight"][m], state["embed.weight"][n]], axis=1)
    hidden = np.maximum(joined @ state["l1.weight"].T + state["l1.bias"], 0)
    return hidden @ state["unembed.weight"].T


def two_layers(state: Arrays, p: int) -> np.ndarray:
    """The paper authors' MLP: ``fc1`` (N, 2p), x², ``fc2`` (p, N)."""
    m, n = pairs_of(p).T
    first = state["fc1.weight"]
    return (first[:, m] + first[:, p + n]).T ** 2 @ state["fc2.weight"].T
