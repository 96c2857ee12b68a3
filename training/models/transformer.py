"""The Transformer on two operand tokens, with TransformerLens' names and hook points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interp.training.config.sections import ModelConfig
from interp.training.models.blocks import (
    Embed,
    PosEmbed,
    TransformerBlock,
    Unembed,
    check_operands,
    scaled,
)
from interp.training.models.hooks import HookedRootModule, HookPoint
from interp.training.models.layers.hidden import HiddenLayer
from interp.training.models.layers.noise import Noise
from interp.training.models.layers.norm import LayerNorm
from interp.training.models.tables import table_logits
from interp.training.tasks.task import Task


class Transformer(HookedRootModule):
    """Blocks of attention and MLP over the tokens (m, n) or (m, n, =), read at the last one.

    Parameters and hook points bear TransformerLens' names: ``embed.W_E`` [p (+1), d_model]
    (with a vocabulary an operand 2p (+1) rows: the first operand's, the second's, "="),
    ``pos_embed.W_pos`` [positions, d_model], ``blocks.l.attn.W_Q`` …, ``blocks.l.mlp.W_in``
    [d_model, d_mlp], ``blocks.l.mlp.W_out``, ``unembed.W_U`` [d_model, q] (absent if tied: the
    embedding's rows of the residues then serve). Activations have axes (pair, position, …).

    ``forward`` runs whole sequences through every hook point. Training and scoring use
    :meth:`logits`, which computes the same from tables over (position, token).
    """

    def __init__(self, task: Task, model: ModelConfig) -> None:
        super().__init__()
        self.task, self.model = task, model
        equals = int(model.equals_token)
        tables = 2 if model.vocabulary == "operand" else 1
        self.embed = Embed(tables * task.p + equals, model.d_model)
        self.pos_embed = PosEmbed(2 + equals, model.d_model)
        self.hook_embed, self.hook_pos_embed = HookPoint(), HookPoint()
        blocks = nn.ModuleList(TransformerBlock(model, index) for index in range(model.n_layers))
        self.blocks = cast("Sequence[TransformerBlock]", blocks)
        self.ln_final = LayerNorm(model.d_model) if model.norm == "layer" else None
        self.unembed: Unembed | None = None
        if not model.tied:
            self.unembed = Unembed(model.d_model, task.n_answers, model.bias, model.logit_scale)
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
    def heads(self) -> list[tuple[int, int]]:
        """Every head as (block, head)."""
        blocks, heads = range(self.model.n_layers), range(self.model.n_heads)
        return [(block, head) for block in blocks for head in heads]

    @property
    def read_out(self) -> Float[Tensor, "*run d_model answer"]:
        """The matrix from the residual stream to the logits, with ``model.logit_scale``."""
        if self.unembed is not None:
            return self.unembed.matrix
        return scaled(self.operand_rows(0).transpose(-1, -2), self.model.logit_scale)

    def operand_rows(self, operand: int) -> Float[Tensor, "*run residue d_model"]:
        """The embedding of each residue as the first (0) or second (1) operand."""
        start = operand * self.task.p if self.model.vocabulary == "operand" else 0
        return self.embed.W_E[..., start : start + self.task.p, :]

    def tokens(self, pairs: Int[Tensor, "*run pair 2"]) -> Int[Tensor, "*run pair position"]:
        """Rows of the embedding at each position: of the operands, and the last one for "="."""
        if self.model.vocabulary == "operand":
            pairs = pairs + self.task.p * torch.arange(2, device=pairs.device)
        if not self.model.equals_token:
            return pairs
        equals = torch.full_like(pairs[..., :1], self.embed.W_E.shape[-2] - 1)
        return torch.cat([pairs, equals], dim=-1)

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
