"""Multi-head attention with TransformerLens' parameters and hook points."""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor, nn

from interp.training.config.sections import ModelConfig
from interp.training.models.hooks import HookPoint

Residual = Float[Tensor, "*run row d_model"]
Headed = Float[Tensor, "*run row head d_head"]


class Attention(nn.Module):
    """softmax(q·k / s) over the positions, then the values of each head through its W_O.

    Parameters: ``W_Q``, ``W_K``, ``W_V`` [head, d_model, d_head], ``W_O`` [head, d_head, d_model]
    and, if asked, ``b_Q``, ``b_K``, ``b_V`` [head, d_head], ``b_O`` [d_model].

    Args:
        model: its heads, widths, direction, biases and s, ``score_scale``.
    """

    W_Q: nn.Parameter
    W_K: nn.Parameter
    W_V: nn.Parameter

    def __init__(self, model: ModelConfig) -> None:
        super().__init__()
        d_model, n_heads, d_head = model.d_model, model.n_heads, model.head_width
        self.scale, self.causal = model.score_scale, model.attention == "causal"
        for name in ("Q", "K", "V"):
            setattr(self, f"W_{name}", nn.Parameter(torch.zeros(n_heads, d_model, d_head)))
            zeros = nn.Parameter(torch.zeros(n_heads, d_head)) if model.bias else None
            self.register_parameter(f"b_{name}", zeros)
        self.W_O = nn.Parameter(torch.zeros(n_heads, d_head, d_model))
        self.b_O = nn.Parameter(torch.zeros(d_model)) if model.bias else None
        self.hook_q, self.hook_k, self.hook_v = HookPoint(), HookPoint(), HookPoint()
        self.hook_attn_scores, self.hook_pattern = HookPoint(), HookPoint()
        self.hook_z = HookPoint()

    def projected(self, values: Residual, name: str) -> Headed:
        """Queries (Q), keys (K) or values (V) of rows of the residual stream."""
        bias = getattr(self, f"b_{name}")
        weight = getattr(self, f"W_{name}")
        heads = einsum(values, weight, "... row d_model, ... head d_model d -> ... row head d")
        return heads if bias is None else heads + bias.unsqueeze(-3)

    def forward(
        self, values: Float[Tensor, "pair position d_model"]
    ) -> Float[Tensor, "pair position d_model"]:
        """Attention over whole sequences, with every hook point."""
        rows = rearrange(values, "pair position d_model -> (pair position) d_model")
        split = "(pair position) head d_head -> pair position head d_head"
        q, k, v = (
            hook(rearrange(self.projected(rows, name), split, position=values.shape[1]))
            for hook, name in ((self.hook_q, "Q"), (self.hook_k, "K"), (self.hook_v, "V"))
        )
        scores = einsum(q, k, "pair query head d, pair source head d -> pair head query source")
        scores = scores / self.scale
        if self.causal:
            ahead = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
            scores = scores.masked_fill(ahead, -torch.inf)
        pattern = self.hook_pattern(self.hook_attn_scores(scores).softmax(dim=-1))
        z = einsum(pattern, v, "pair head query source, pair source head d -> pair query head d")
        z = self.hook_z(z)
        out = einsum(z, self.W_O, "pair query head d, head d d_model -> pair query d_model")
        return out if self.b_O is None else out + self.b_O
