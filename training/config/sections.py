"""The sections of a run configuration: what can be set, its default and its meaning."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from interp.training.config.fields import LATER, Section
from interp.training.config.kinds import KINDS, KindRow
from interp.training.config.learned import DataConfig as DataConfig
from interp.training.config.learned import TaskConfig as TaskConfig
from interp.training.config.masks import check_masks, mask_words
from interp.training.config.named import Choices, Named
from interp.training.losses.loss import LOSSES
from interp.training.models.layers.activation import ACTIVATIONS

# Rows of tables, by name: what is in the table can be written.
LossName = Annotated[str, Named(LOSSES)]
ActivationName = Annotated[str, Named(ACTIVATIONS)]
NetworkKind = Annotated[str, Named(KINDS)]
# Which of these, the kind of network tells.
InitName = Annotated[
    str, Choices(lambda: ["auto", *(init for kind in KINDS for init in KINDS[kind].inits)])
]
NormName = Literal["none", "batch", "layer"]
Side = Literal["pre", "post"]
AttentionName = Literal["bidirectional", "causal"]
VocabularyName = Literal["shared", "operand"]
DtypeName = Literal["float32", "float64"]
PrecisionName = Literal["highest", "high", "medium"]
# Where else than on the neurons dropout may stand.
SITES = ("embed", "attention", "residual")
Seeded = Literal["split", "corruption", "weights", "batches", "dropout"]


class ModelConfig(Section):
    """The network. Fields of the other kind of network are left at their defaults."""

    kind: NetworkKind = Field("mlp", description="network family")
    width: int = Field(500, ge=1, description="MLP: N, neurons in each hidden layer")
    depth: int = Field(2, ge=2, le=32, description="MLP: weight layers; 2 is the paper's")
    activation: ActivationName | None = Field(
        None, description="φ; by default square for two layers, relu for other networks"
    )
    norm: NormName = Field(
        "none",
        description="'batch': over examples, on the neurons; 'layer': on the neurons of an MLP, "
        "before each half of a Transformer's block and before the logits",
    )
    norm_at: Side = Field("post", description="norm on the neurons after φ ('post') or before")
    norm_last: Annotated[bool, LATER] = Field(
        True, description="MLP: the norm also on the last hidden layer"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="share of neurons dropped in training")
    dropout_masks: Annotated[int | None, LATER] = Field(
        None,
        ge=0,
        description="turn-over dropout: how many fixed masks the training examples share; 0: each "
        "has its own, a key that makes memorizing trivial; what is kept is not scaled; by "
        "default new masks in every step",
    )
    dropout_at: Side = Field("pre", description="dropout before φ ('pre', as the paper's) or after")
    dropout_embed: Annotated[float, LATER] = Field(
        0.0, ge=0, lt=1, description="Transformer: dropout of embeddings plus positions"
    )
    dropout_attention: Annotated[float, LATER] = Field(
        0.0, ge=0, lt=1, description="Transformer: dropout of attention patterns"
    )
    dropout_residual: Annotated[float, LATER] = Field(
        0.0, ge=0, lt=1, description="Transformer: dropout of what attention and neurons write"
    )
    bias: bool = Field(False, description="biases in every layer")
    init: InitName = Field(
        "auto",
        description="initial weights; 'paper': std (16N)^(-1/3), 'he': std sqrt(2/fan-in), "
        "'lazy': variance 2/N^(2/3), 'transformer_lens': std 0.8/sqrt(d_model), "
        "'mup': 1/d scaling of scores and logits, 'doshi': embeddings std 1, matrices "
        "1/sqrt(fan-in), exponent 0 unless given; 'auto': paper, he, transformer_lens",
    )
    exponent: Annotated[float | None, LATER] = Field(
        None,
        allow_inf_nan=False,
        description="Transformer: s of the reference code (0 or 1); scores are divided by "
        "d_head^((1+s)/2), logits multiplied by d_model^(-(1+s)/2)",
    )
    output_scale: Annotated[float, LATER] = Field(
        1.0, gt=0, allow_inf_nan=False, description="fixed multiplier of the logits"
    )
    d_model: int = Field(128, ge=1, description="Transformer: width of the residual stream")
    n_heads: int = Field(
        4, ge=1, description="Transformer: heads of a block; divides d_model unless d_head is given"
    )
    d_head: Annotated[int | None, LATER] = Field(
        None, ge=1, description="Transformer: width of a head; d_model / n_heads by default"
    )
    n_layers: int = Field(1, ge=1, le=32, description="Transformer: blocks")
    d_mlp: int = Field(512, ge=0, description="Transformer: neurons of a block; 0: attention only")
    equals_token: bool = Field(False, description="Transformer: '=' as third token, read there")
    vocabulary: Annotated[VocabularyName, LATER] = Field(
        "shared", description="Transformer: 'operand': each operand has embeddings of its own"
    )
    attention: AttentionName = Field("bidirectional", description="Transformer: what sees what")
    tied: bool = Field(False, description="Transformer: logits through the embedding")
    module: Annotated[str, LATER] = Field(
        "", description="adapted: import path of what makes the module"
    )
    arguments: Annotated[dict[str, Any], LATER] = Field(
        {}, description="adapted: that it is made with, by name"
    )
    neurons_at: Annotated[tuple[str, ...], LATER] = Field(
        (), description="adapted: the submodule of each hidden layer"
    )
    inputs: Annotated[str, LATER] = Field(
        "pairs",
        description="adapted: how pairs become arguments; pairs, tokens, one-hot, two, or a "
        "function's import path",
    )

    @model_validator(mode="after")
    def _consistent(self) -> ModelConfig:
        row = self.row
        if self.init not in ("auto", *row.inits):
            raise ValueError(
                f"model.init: expected auto, {', '.join(row.inits)} for kind {self.kind}, "
                f"got '{self.init}'"
            )
        for name in row.foreign:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(
                    f"model.{name}: expected no value for kind {self.kind}, "
                    f"got {getattr(self, name)!r}"
                )
        row.check(self)
        check_masks(self)
        return self

    @property
    def row(self) -> KindRow:
        """What is known of its kind of network."""
        return KINDS[self.kind]

    @property
    def summary(self) -> str:
        """The network in a few words."""
        parts = self.row.parts(self)
        if self.norm != "none":
            parts.append(f"{self.norm} norm{'' if self.norm_last else ' but on the last layer'}")
        if self.initialization != self.row.initialization(self):
            parts.append(f"init {self.initialization}")
        parts += [f"exponent s = {self.power:g}"] if self.power is not None else []
        parts += [f"logits × {self.logit_scale:.4g}"] if self.logit_scale != 1 else []
        parts += [f"dropout {self.dropout:g}{mask_words(self)}"] if self.dropout else []
        parts += [f"{site} dropout {rate:g}" for site, rate in self.other_dropout.items() if rate]
        return ", ".join(parts)

    @property
    def neurons(self) -> int:
        """Neurons of a hidden layer."""
        count: int = getattr(self, self.row.neurons)
        return count

    @property
    def phi(self) -> str:
        """The activation in force."""
        return self.row.activation(self) if self.activation is None else self.activation

    @property
    def head_width(self) -> int:
        """d_head in force."""
        return self.d_model // self.n_heads if self.d_head is None else self.d_head

    @property
    def power(self) -> float | None:
        """The exponent s in force; None where scores and logits are not scaled by one."""
        return 0.0 if self.exponent is None and self.init == "doshi" else self.exponent

    @property
    def score_scale(self) -> float:
        """What attention scores are divided by."""
        power = 0.0 if self.power is None else self.power
        halves = 2.0 if self.initialization == "mup" else 1 + power
        return float(self.head_width ** (halves / 2))

    @property
    def logit_scale(self) -> float:
        """What logits are multiplied by, a constant."""
        if self.power is None:
            return self.output_scale
        return float(self.output_scale * self.d_model ** (-(1 + self.power) / 2))

    @property
    def other_dropout(self) -> dict[str, float]:
        """Shares that are dropped elsewhere than on neurons, by where."""
        return {site: getattr(self, f"dropout_{site}") for site in SITES}

    @property
    def initialization(self) -> str:
        """The initialization in force."""
        return self.row.initialization(self) if self.init == "auto" else self.init


class SeedsConfig(Section):
    """Separate seeds; one that is left open is the run's ``seed``."""

    split: int | None = Field(None, ge=0, description="seed of the train/test split")
    corruption: int | None = Field(None, ge=0, description="seed of the redrawn labels")
    weights: int | None = Field(None, ge=0, description="seed of the initial weights")
    batches: int | None = Field(None, ge=0, description="seed of the order of minibatches")
    dropout: int | None = Field(None, ge=0, description="seed of what dropout drops")


class ScheduleConfig(Section):
    """When the network is scored and saved."""

    evaluations: int = Field(120, ge=1, description="about how often to score, dense early")
    checkpoints: int = Field(12, ge=0, description="about how many checkpoints, log-spaced")
    checkpoint_steps: tuple[int, ...] = Field((), description="further steps to save")
