"""The sections of a run configuration: what can be set, its default and its meaning."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from interp.training.config.fields import LATER, Section
from interp.training.config.kinds import KINDS, KindRow
from interp.training.config.named import Choices, Named
from interp.training.data.corruption import CorruptionKind
from interp.training.losses.loss import LOSSES
from interp.training.models.layers.activation import ACTIVATIONS
from interp.training.tasks.task import make_task

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
OptimizerName = Literal["adamw", "adam", "sgd", "muon"]
Seeded = Literal["split", "corruption", "weights", "batches", "dropout"]


class TaskConfig(Section):
    """What is learned."""

    operation: str = Field("x + y", description="operation, or a polynomial in x and y")
    p: int = Field(97, ge=2, le=2048, description="modulus")

    @model_validator(mode="after")
    def _defined(self) -> TaskConfig:
        make_task(self.operation, self.p)
        return self


class DataConfig(Section):
    """Which pairs are trained on, and how many of their labels are redrawn."""

    fraction: float = Field(0.5, ge=0, le=1, description="α, share of pairs in the training set")
    corruption: float = Field(0.0, ge=0, le=1, description="ξ, share of training labels redrawn")
    kind: CorruptionKind = Field("uniform", description="how labels are redrawn")


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
    dropout_at: Side = Field("pre", description="dropout before φ ('pre', as the paper's) or after")
    bias: bool = Field(False, description="biases in every layer")
    init: InitName = Field(
        "auto",
        description="initial weights; 'paper': std (16N)^(-1/3), 'he': std sqrt(2/fan-in), "
        "'lazy': variance 2/N^(2/3), 'transformer_lens': std 0.8/sqrt(d_model), "
        "'mup': 1/d scaling of scores and logits; 'auto': paper, he, transformer_lens",
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
        parts += [f"logits × {self.output_scale:g}"] if self.output_scale != 1 else []
        parts += [f"dropout {self.dropout:g}"] if self.dropout else []
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
    def initialization(self) -> str:
        """The initialization in force."""
        return self.row.initialization(self) if self.init == "auto" else self.init


class OptimizerConfig(Section):
    """How weights are updated."""

    name: OptimizerName = Field(
        "adamw",
        description="'muon': matrices inside the blocks by Muon (its step scaled to AdamW's "
        "size), the others by AdamW",
    )
    lr: float = Field(0.01, gt=0, allow_inf_nan=False, description="learning rate")
    weight_decay: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="AdamW, Muon: decoupled, lr·wd a step; Adam, SGD: L2 penalty",
    )
    decayed: tuple[str, ...] = Field(
        ("*.W_*",), description="parameters that decay, as name patterns; all matrices"
    )
    betas: tuple[float, float] = Field((0.9, 0.98), description="Adam's averaging rates")
    eps: float = Field(1e-8, gt=0, allow_inf_nan=False, description="Adam's denominator offset")
    momentum: float = Field(0.0, ge=0, lt=1, description="momentum of SGD; Muon's is 0.95")
    batch_size: int | None = Field(
        None, ge=1, description="examples a step, drawn by epochs; all of them by default"
    )
    warmup: int = Field(0, ge=0, description="steps over which the rate rises linearly")
    lr_schedule: Literal["constant", "cosine"] = Field(
        "constant", description="the rate after the warm-up; 'cosine' falls to 0 at the last step"
    )

    @field_validator("betas")
    @classmethod
    def _rates(cls, betas: tuple[float, float]) -> tuple[float, float]:
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"expected two numbers ≥ 0 and < 1, got {list(betas)}")
        return betas

    def decays(self, parameter: str) -> bool:
        """Whether a parameter of that name decays."""
        return any(fnmatch(parameter, pattern) for pattern in self.decayed)


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
