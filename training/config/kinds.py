"""The kinds of network, as a configuration sees them; no torch is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from interp.training.registry import Registry

# The section ``model`` of a configuration, which is made with this table.
Model = Any

# Fields of a model that mean something to some kinds only.
_MLP_FIELDS = ("width", "depth", "norm_last", "output_scale")
_TRANSFORMER_FIELDS = (
    *("d_model", "n_heads", "d_head", "n_layers", "d_mlp"),
    *("equals_token", "vocabulary", "attention", "tied", "output_scale", "exponent"),
    *("dropout_embed", "dropout_attention", "dropout_residual"),
)
_ADAPTED_FIELDS = ("module", "arguments", "neurons_at", "inputs")
KIND_FIELDS = tuple(dict.fromkeys((*_MLP_FIELDS, *_TRANSFORMER_FIELDS, *_ADAPTED_FIELDS)))

# How pairs become the arguments of somebody's module; and the word for a function of their own
# that cannot be imported.
INPUT_FORMS = ("pairs", "tokens", "one-hot", "two")
OWN_INPUTS = "function"


@dataclass(frozen=True)
class KindRow:
    """A kind of network.

    Attributes:
        name: what configurations call it.
        noun: what sentences call it: ``an MLP``.
        network: makes one, ``(task, model) -> Network``; itself or its ``"module:name"``.
        draw: draws its initial weights, ``(network, initialization, random) -> (parameter,
            array), …``, itself or its ``"module:name"``; what it leaves out starts as made.
        fields: of KIND_FIELDS, those that mean something to it.
        neurons: the field that tells how many neurons a hidden layer has.
        width: the field that tells how wide the tensors of a step are.
        inits: what ``model.init`` may be.
        activation, initialization: what a model has that leaves them open.
        parts: the network in a few words.
        step_work: ``(model, p)``: multiplications of a step on one example, to a constant factor.
        check: refuses models that cannot be, naming the field.
        by_hand: whether a network is φ between two matrices and nothing else, the first with the
            rows of both operands (``layers[0].W_in``), the second ``read_by(0)``, its logits times
            ``model.logit_scale``.
        chain: whether it is that with any number of matrices (``layers[l].W_in``) and φ between
            each two; the gradient of a full batch is then the one written by hand.
        two_matrices: whether it is that, perhaps with norm, dropout and biases, and its parameters
            are named as an MLP's.
        one_block: whether it is a block of attention and neurons between an embedding and the way
            to the logits, without norm and dropout, and its parameters are named as a
            Transformer's.
        trains: whether it can be trained here.
        arrays: what reads its weights as arrays alone, ``(task, model, arrays)`` with ``shapes``;
            its ``"module:name"``. None: its network is made for that.
    """

    name: str
    noun: str
    network: str | Callable[..., Any]
    draw: str | Callable[..., Any]
    fields: tuple[str, ...]
    neurons: str
    width: str
    inits: tuple[str, ...]
    activation: Callable[[Model], str]
    initialization: Callable[[Model], str]
    parts: Callable[[Model], list[str]]
    step_work: Callable[[Model, int], int]
    check: Callable[[Model], None] = lambda model: None
    by_hand: Callable[[Model], bool] = lambda model: False
    chain: Callable[[Model], bool] = lambda model: False
    two_matrices: Callable[[Model], bool] = lambda model: False
    one_block: Callable[[Model], bool] = lambda model: False
    trains: bool = True
    arrays: str | None = None

    def check_module(self) -> None:
        """Refuses a module of somebody's for a network that is made here."""
        if "module" not in self.fields:
            raise ValueError(f"module: expected none for kind {self.name}, which is made here")

    @property
    def foreign(self) -> tuple[str, ...]:
        """Fields that mean nothing to it."""
        return tuple(name for name in KIND_FIELDS if name not in self.fields)


def _mlp_parts(model: Model) -> list[str]:
    deeper = [f"{model.depth} layers"] if model.depth > 2 else []
    return ["MLP", f"N = {model.width}", model.phi, *deeper]


def _check_mlp(model: Model) -> None:
    if model.depth == 2 and model.norm != "none" and not model.norm_last:
        raise ValueError(
            "model.norm_last: expected true for depth 2, whose only hidden layer is the last, "
            "got false"
        )


_MLP = KindRow(
    name="mlp",
    noun="an MLP",
    network="interp.training.models.mlp:MLP",
    draw="interp.training.models.initial:mlp_weights",
    fields=_MLP_FIELDS,
    neurons="width",
    width="width",
    inits=("paper", "he", "lazy"),
    activation=lambda model: "square" if model.depth == 2 else "relu",
    initialization=lambda model: "paper" if model.depth == 2 else "he",
    parts=_mlp_parts,
    step_work=lambda model, p: model.width * (p + (model.depth - 2) * model.width + 4),
    check=_check_mlp,
    arrays="interp.training.models.arrays:MLPArrays",
    two_matrices=lambda model: model.depth == 2,
    by_hand=lambda model: model.depth == 2 and model.norm == "none" and not model.bias,
    chain=lambda model: model.norm == "none" and not model.bias,
)


def _transformer_parts(model: Model) -> list[str]:
    parts = ["Transformer", f"d = {model.d_model}", f"{model.n_heads} heads"]
    parts += [f"d_head = {model.d_head}"] if model.d_head is not None else []
    parts += ["one vocabulary an operand"] if model.vocabulary == "operand" else []
    parts += [f"{model.n_layers} blocks"] if model.n_layers > 1 else []
    parts += [f"d_mlp = {model.d_mlp}", model.phi] if model.d_mlp else ["attention only"]
    return parts + (["tied"] if model.tied else [])


def _transformer_work(model: Model, p: int) -> int:
    tokens = 3 if model.equals_token else 2
    block = 4 * model.n_heads * model.head_width + 2 * model.d_mlp
    work: int = model.d_model * (tokens * model.n_layers * block + p)
    return work


def _check_transformer(model: Model) -> None:
    if model.d_head is None and model.d_model % model.n_heads:
        raise ValueError(
            f"model.n_heads: expected a divisor of d_model = {model.d_model}, got {model.n_heads}"
        )
    if model.exponent is not None and model.init == "mup":
        raise ValueError(
            "model.exponent: expected no value with init mup, whose scores are divided by d_head, "
            f"got {model.exponent:g}"
        )
    if model.tied and model.init == "mup":
        raise ValueError(
            "model.tied: expected false with init mup, whose unembedding starts d_model times "
            "smaller than its embedding"
        )
    if model.tied and model.vocabulary == "operand":
        raise ValueError(
            "model.tied: expected false with vocabulary operand, whose embedding has two rows for "
            "an answer"
        )
    if model.norm == "layer" and model.norm_at != "post":
        raise ValueError(
            "model.norm_at: expected no value for a Transformer's layer norm, which stands on "
            "the residual stream, got 'pre'"
        )
    if model.d_mlp == 0 and model.dropout > 0:
        raise ValueError(
            "model.dropout: expected 0 for an attention-only network, which has no neurons, "
            f"got {model.dropout}"
        )
    if model.d_mlp == 0 and model.norm == "batch":
        raise ValueError(
            "model.norm: expected none or layer for an attention-only network, got 'batch'"
        )


def _one_block(model: Model) -> bool:
    drops = model.dropout > 0 or any(model.other_dropout.values())
    return bool(model.n_layers == 1 and model.d_mlp and model.norm == "none" and not drops)


_TRANSFORMER = KindRow(
    name="transformer",
    noun="a Transformer",
    network="interp.training.models.transformer:Transformer",
    draw="interp.training.models.initial:transformer_weights",
    fields=_TRANSFORMER_FIELDS,
    neurons="d_mlp",
    width="d_model",
    inits=("transformer_lens", "mup", "doshi"),
    activation=lambda model: "relu",
    initialization=lambda model: "transformer_lens",
    parts=_transformer_parts,
    step_work=_transformer_work,
    check=_check_transformer,
    one_block=_one_block,
)


def _check_adapted(model: Model) -> None:
    if not model.neurons_at:
        raise ValueError("model.neurons_at: expected the name of a submodule, got none")
    if model.inputs not in (*INPUT_FORMS, OWN_INPUTS) and ":" not in model.inputs:
        raise ValueError(
            f"model.inputs: expected {', '.join(INPUT_FORMS)} or a function's 'module:name', "
            f"got {model.inputs!r}"
        )


_ADAPTED = KindRow(
    name="adapted",
    noun="an adapted module",
    network="interp.training.models.adapted:Adapted",
    draw="interp.training.models.adapted:no_weights",
    fields=("width", *_ADAPTED_FIELDS),
    neurons="width",
    width="width",
    inits=("own",),
    activation=lambda model: "own",
    initialization=lambda model: "own",
    parts=lambda model: [model.module.rpartition(":")[2] or "adapted module", f"N = {model.width}"],
    step_work=lambda model, p: model.width * p,
    check=_check_adapted,
    trains=False,
)

KINDS: Registry[KindRow] = Registry(
    "model.kind",
    {"mlp": _MLP, "transformer": _TRANSFORMER, "adapted": _ADAPTED},
    "interp.networks",
)
