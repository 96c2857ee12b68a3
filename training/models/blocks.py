"""What networks are built of: embeddings, blocks and the way to the logits."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interp.training.config.sections import ModelConfig, NormName
from interp.training.models.hooks import HookPoint
from interp.training.models.layers.attention import Attention
from interp.training.models.layers.hidden import HiddenLayer, with_bias
from interp.training.models.layers.norm import LayerNorm


class Embed(nn.Module):
    """A row for every token."""

    def __init__(self, tokens: int, d_model: int) -> None:
        super().__init__()
        self.W_E = nn.Parameter(torch.zeros(tokens, d_model))


class PosEmbed(nn.Module):
    """A row for every position."""

    def __init__(self, positions: int, d_model: int) -> None:
        super().__init__()
        self.W_pos = nn.Parameter(torch.zeros(positions, d_model))


class TransformerMLP(HiddenLayer):
    """A hidden layer with the way back: also ``W_out`` [d_mlp, d_model] and ``b_out``."""

    def __init__(self, model: ModelConfig, index: int) -> None:
        # Layer norm stands on the residual stream, batch norm on the neurons.
        norm: NormName = "batch" if model.norm == "batch" else "none"
        super().__init__(model.d_model, model.d_mlp, index, norm, model)
        self.W_out = nn.Parameter(torch.zeros(model.d_mlp, model.d_model))
        self.b_out = nn.Parameter(torch.zeros(model.d_model)) if model.bias else None

    def out(self, post: Tensor) -> Tensor:
        """What the neurons add to the residual stream."""
        return self.biased(post @ self.W_out)

    def biased(self, written: Tensor) -> Tensor:
        """What the neurons write, with the bias if there is one."""
        return with_bias(written, self.b_out)


class TransformerBlock(nn.Module):
    """Attention, then the MLP unless the network is attention-only."""

    def __init__(self, model: ModelConfig, index: int) -> None:
        super().__init__()
        self.index = index
        layer_norm = model.norm == "layer"
        self.ln1 = LayerNorm(model.d_model) if layer_norm else None
        self.attn = Attention(model)
        self.ln2 = LayerNorm(model.d_model) if layer_norm and model.d_mlp else None
        self.mlp = TransformerMLP(model, index) if model.d_mlp else None
        self.hook_resid_pre, self.hook_attn_out = HookPoint(), HookPoint()
        self.hook_resid_mid, self.hook_mlp_out = HookPoint(), HookPoint()
        self.hook_resid_post = HookPoint()

    def attended(self, values: Tensor) -> Tensor:
        """The residual stream after attention."""
        values = self.hook_resid_pre(values)
        normed = values if self.ln1 is None else self.ln1(values)
        out: Tensor = self.hook_resid_mid(values + self.hook_attn_out(self.attn(normed)))
        return out

    def post(self, values: Tensor) -> Tensor:
        """Activations of the neurons, from the residual stream after attention."""
        assert self.mlp is not None
        normed = values if self.ln2 is None else self.ln2(values)
        post: Tensor = self.mlp(normed @ self.mlp.W_in)
        return post

    def added(self, values: Tensor, written: Tensor | None) -> Tensor:
        """The residual stream after the neurons have written to it."""
        if written is not None:
            values = values + self.hook_mlp_out(written)
        out: Tensor = self.hook_resid_post(values)
        return out

    def forward(
        self, values: Float[Tensor, "pair position d_model"]
    ) -> Float[Tensor, "pair position d_model"]:
        """The residual stream after the block."""
        values = self.attended(values)
        return self.added(values, None if self.mlp is None else self.mlp.out(self.post(values)))


class Block(nn.Module):
    """A block that holds nothing but its MLP; it gives the parameters TransformerLens' paths."""

    def __init__(self, layer: HiddenLayer) -> None:
        super().__init__()
        self.mlp = layer


class Unembed(nn.Module):
    """Weights from the last hidden layer, or the residual stream, to the logits.

    Logits are ``scale`` · (values · W_U + b_U), the scale a constant.
    """

    def __init__(self, inputs: int, answers: int, bias: bool, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.W_U = nn.Parameter(torch.zeros(inputs, answers))
        self.b_U = nn.Parameter(torch.zeros(answers)) if bias else None

    @property
    def matrix(self) -> Tensor:
        """What makes the logits: W_U times the scale."""
        return scaled(self.W_U, self.scale)

    def forward(self, values: Tensor) -> Tensor:
        """Logits."""
        return self.biased(values @ self.matrix)

    def biased(self, logits: Tensor) -> Tensor:
        """Logits with the bias, if there is one."""
        return logits if self.b_U is None else with_bias(logits, scaled(self.b_U, self.scale))


def scaled(values: Tensor, scale: float) -> Tensor:
    """The values themselves where the scale is 1."""
    return values if scale == 1 else values * scale


def check_operands(pairs: Tensor, p: int) -> None:
    """Refuses operands that are no residues, which would read another operand's row."""
    if pairs.device.type == "cpu" and pairs.numel() and not 0 <= pairs.min() <= pairs.max() < p:
        found = f"{int(pairs.min())} to {int(pairs.max())}"
        raise IndexError(f"pairs: expected operands from 0 to {p - 1}, got {found}: out of bounds")
