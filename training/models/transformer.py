"""The Transformer on two operand tokens, with TransformerLens' names and hook points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformer_lens import HookedRootModule
from transformer_lens.hook_points import HookPoint

from training.models.attention import Attention
from training.models.hidden import HiddenLayer, with_bias
from training.models.mlp import Unembed, check_operands
from training.models.noise import Noise
from training.models.norm import LayerNorm
from training.models.tables import table_logits
from training.sections import ModelConfig, NormName
from training.tasks import Task


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
        super().__init__(
            model.d_model,
            model.d_mlp,
            index,
            model.phi,
            model.bias,
            norm,
            model.norm_at,
            model.dropout_at,
        )
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
        d_head = model.d_model // model.n_heads
        scale = float(d_head) if model.initialization == "mup" else d_head**0.5
        layer_norm = model.norm == "layer"
        self.ln1 = LayerNorm(model.d_model) if layer_norm else None
        self.attn = Attention(model.d_model, model.n_heads, model.attention, model.bias, scale)
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


class Transformer(HookedRootModule):
    """Blocks of attention and MLP over the tokens (m, n) or (m, n, =), read at the last one.

    Parameters and hook points bear TransformerLens' names: ``embed.W_E`` [p (+1), d_model],
    ``pos_embed.W_pos`` [positions, d_model], ``blocks.l.attn.W_Q`` …, ``blocks.l.mlp.W_in``
    [d_model, d_mlp], ``blocks.l.mlp.W_out``, ``unembed.W_U`` [d_model, p] (absent if tied: the
    embedding's rows of the residues then serve). Activations have axes (pair, position, …).

    ``forward`` runs whole sequences through every hook point. Training and scoring use
    :meth:`logits`, which computes the same from tables over (position, token).
    """

    def __init__(self, task: Task, model: ModelConfig) -> None:
        super().__init__()
        self.task, self.model = task, model
        equals = int(model.equals_token)
        self.embed = Embed(task.p + equals, model.d_model)
        self.pos_embed = PosEmbed(2 + equals, model.d_model)
        self.hook_embed, self.hook_pos_embed = HookPoint(), HookPoint()
        blocks = nn.ModuleList(TransformerBlock(model, index) for index in range(model.n_layers))
        self.blocks = cast("Sequence[TransformerBlock]", blocks)
        self.ln_final = LayerNorm(model.d_model) if model.norm == "layer" else None
        self.unembed: Unembed | None = None
        if not model.tied:
            self.unembed = Unembed(model.d_model, task.p, model.bias)
        self.setup()

    @property
    def layers(self) -> list[HiddenLayer]:
        """The hidden layers, first to last; none in an attention-only network."""
        return [block.mlp for block in self.blocks if block.mlp is not None]

    @property
    def width(self) -> int:
        """d_mlp, neurons in each hidden layer."""
        return self.model.d_mlp

    @property
    def read_out(self) -> Float[Tensor, "*run d_model answer"]:
        """The matrix from the residual stream to the logits."""
        if self.unembed is not None:
            return self.unembed.W_U
        return self.embed.W_E[..., : self.task.p, :].transpose(-1, -2)

    def tokens(self, pairs: Int[Tensor, "*run pair 2"]) -> Int[Tensor, "*run pair position"]:
        """Tokens of each position: the operands, and p for "="."""
        if not self.model.equals_token:
            return pairs
        return torch.cat([pairs, torch.full_like(pairs[..., :1], self.task.p)], dim=-1)

    def forward(self, pairs: Int[Tensor, "pair 2"]) -> Float[Tensor, "pair answer"]:
        """Logits at the last position, by way of every position and hook point.

        Raises:
            IndexError: for an operand that is no residue.
        """
        check_operands(pairs, self.task.p)
        return self.unembedded(self.blocks_until(pairs, len(self.blocks)))

    def logits(
        self, pairs: Int[Tensor, "*run pair 2"], noise: Noise | None = None
    ) -> Float[Tensor, "*run pair answer"]:
        """The same logits as :meth:`forward`, from tables; what training and scoring use."""
        return table_logits(self, pairs, noise)

    def tail(
        self, pairs: Int[Tensor, "pair 2"], layer: int
    ) -> tuple[Float[Tensor, "pair position neuron"], Callable[[Tensor], Tensor]]:
        """Activations of a block's neurons, and the function to the logits from what they write.

        What the neurons write is their activations times :meth:`read_by`. The positions are those
        that matter to the logits: the last one only in the last block.
        """
        block = self.blocks[layer]
        assert block.mlp is not None
        mlp, values = block.mlp, block.attended(self.blocks_until(pairs, layer))
        if layer == len(self.blocks) - 1:
            values = values[:, -1:]

        def finish(written: Tensor) -> Tensor:
            after = block.added(values, mlp.biased(written))
            for later in self.blocks[layer + 1 :]:
                after = later(after)
            return self.unembedded(after)

        return block.post(values), finish

    def read_by(self, layer: int) -> nn.Parameter:
        """The matrix that reads a block's neurons, one row a neuron."""
        mlp = self.blocks[layer].mlp
        assert mlp is not None
        return mlp.W_out

    def readout(self, layer: int) -> Float[Tensor, "neuron answer"] | None:
        """What each neuron adds to the logits, times its activation; None if they are no sum.

        They are a sum in the last block of a network without a norm before the logits.
        """
        if layer != len(self.blocks) - 1 or self.ln_final is not None:
            return None
        return self.read_by(layer) @ self.read_out

    def blocks_until(
        self, pairs: Int[Tensor, "pair 2"], count: int
    ) -> Float[Tensor, "pair position d_model"]:
        """The residual stream after the first ``count`` blocks."""
        tokens = self.tokens(pairs)
        values = self.hook_embed(self.embed.W_E[tokens])
        values = values + self.hook_pos_embed(self.pos_embed.W_pos.expand_as(values))
        for block in self.blocks[:count]:
            values = block(values)
        return values

    def unembedded(
        self, values: Float[Tensor, "pair position d_model"]
    ) -> Float[Tensor, "pair answer"]:
        """Logits from the residual stream at the last position."""
        if self.ln_final is not None:
            values = self.ln_final(values)
        return self.biased(values[:, -1] @ self.read_out)

    def biased(self, logits: Float[Tensor, "*run pair answer"]) -> Tensor:
        """Logits with the bias, if there is one."""
        return logits if self.unembed is None else self.unembed.biased(logits)
