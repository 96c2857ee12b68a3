"""Configurations of foreign Transformers: which values this project's networks can have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from interp.training.models.arrays import NORM_EPS
from interp.training.models.layers.activation import ACTIVATIONS

Config = Mapping[str, Any]


@dataclass(frozen=True)
class ConfigField:
    """A field of a configuration that changes what a Transformer computes.

    Attributes:
        accepts: ``(value, config) -> bool``: whether a network of this project can have it.
        expected: the accepted values, in words.
        means: what another value would mean.
    """

    accepts: Callable[[Any, Config], bool]
    expected: str
    means: str


def _off(means: str) -> ConfigField:
    """A feature that these networks do not have."""
    return ConfigField(lambda value, config: not value, "none", means)


def _one_of(means: str, *values: Any) -> ConfigField:
    words = ", ".join(str(value) for value in values)
    return ConfigField(lambda value, config: value in values, words, means)


def _uncapped(means: str) -> ConfigField:
    return ConfigField(lambda value, config: value is None or value <= 0, "none, or -1", means)


def _has_norm(config: Config) -> bool:
    return config.get("normalization_type", "LN") is not None


# Words of other code for the rows of ACTIVATIONS; gelu_new and its kin are the tanh form.
_PHI = {
    **{"relu": "relu", "gelu": "gelu", "silu": "silu", "swish": "silu", "tanh": "tanh"},
    **dict.fromkeys(("gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_tanh"), "gelu_tanh"),
    **dict.fromkeys(("square", "quad", "quadratic", "x^2", "x**2", "x2"), "square"),
    **dict.fromkeys(("cube", "cubic", "x^3", "x**3", "x3"), "cube"),
    **dict.fromkeys(("quartic", "x^4", "x**4", "x4"), "quartic"),
}
_PHI_FIELDS = ("act_fn", "act_name", "act_type", "activation", "act")

# TransformerLens 1 to 4, and the code of the progress-measures and pizza papers.
FIELDS: Mapping[str, ConfigField] = {
    "positional_embedding_type": _one_of(
        "rotary, shortformer or other positions than learned ones added to the residual stream",
        *("standard", None),
    ),
    "normalization_type": _one_of(
        "RMS or other norms than layer norm", *(None, "LN", "LNPre", "layer")
    ),
    "uses_rms_norm": _off("RMS norms"),
    "final_rms": _off("an RMS norm before the logits"),
    "rmsnorm_uses_offset": _off("RMS norms with an offset"),
    "use_normalization_before_and_after": _off("norms after attention and MLP"),
    "post_embedding_ln": _off("a norm on the embeddings"),
    "use_qk_norm": _off("norms of queries and keys"),
    "eps": ConfigField(
        lambda value, config: not _has_norm(config) or abs(value - NORM_EPS) <= 1e-9,
        f"{NORM_EPS:g}",
        "another ε of the norms",
    ),
    "parallel_attn_mlp": _off("attention and MLP side by side"),
    "gated_mlp": _off("gated MLPs"),
    "num_experts": _off("a mixture of experts"),
    "experts_per_token": _off("a mixture of experts"),
    "attn_scores_soft_cap": _uncapped("a soft cap on the attention scores"),
    "output_logits_soft_cap": _uncapped("a soft cap on the logits"),
    "use_local_attn": _off("local attention"),
    "attn_types": ConfigField(
        lambda value, config: not value or set(value) == {"global"}, "global", "local attention"
    ),
    "scale_attn_by_inverse_layer_idx": _off("scores divided by the number of the layer"),
    "n_key_value_heads": ConfigField(
        lambda value, config: not value or value == config.get("n_heads"),
        "as many as heads",
        "keys and values shared by heads",
    ),
    "per_layer_head_dim": _off("heads of several sizes"),
    "per_layer_num_key_value_heads": _off("keys and values shared by heads"),
    "relative_attention_max_distance": _off("relative positions"),
    "relative_attention_num_buckets": _off("relative positions"),
    "use_logn_attn": _off("scores scaled by the logarithm of the length"),
    "use_attention_sinks": _off("attention sinks"),
    "clip_qkv": _off("clipped queries, keys and values"),
    "scale_embedding": _off("scaled embeddings"),
    "attention_dir": _one_of("attention of another direction", "causal", "bidirectional"),
    "attn_scale": ConfigField(
        lambda value, config: value is None or isinstance(value, int | float),
        "a number",
        "attention scores divided by something else",
    ),
    "attn_coeff": _one_of("attention that is partly or wholly constant", None, 1),
    "attention_rate": _one_of("attention that is partly or wholly constant", None, 1),
    "load_in_4bit": _off("weights of four bits"),
    "quantization_method": _off("quantized weights"),
    "is_audio_model": _off("an audio model"),
    "is_visual_model": _off("a visual model"),
    "is_multimodal": _off("a multimodal model"),
    "is_stateful": _off("a network with a state"),
}

# Fields that leave the logits of two given tokens as they are, or that the tensors tell too.
HARMLESS = (
    *("act", "act_*", "activation", "use_attn_scale", "tie_word_embeddings", "layer_norm_folding"),
    *("d_*", "n_*", "num_heads", "num_layers", "attn_only", "device", "dtype", "*seed"),
    *("init_*", "initializer_range", "use_attn_result", "use_split_qkv_input", "use_hook_*"),
    *("use_attn_in", "default_*", "tokenizer_*", "*_name", "*architecture", "*checkpoint*"),
    *("trust_remote_code", "split_attention_weights", "ungroup_*", "window_size", "rotary_*"),
    *("*rope*", "yarn_*", "NTK_*", "train_*", "norm_topk_prob", "decoder_start_token_id"),
    *("attn_implementation", "vision_*", "mm_tokens_per_image", "p", "modulus", "prime", "mod"),
    *("lr", "learning_rate", "weight_decay", "wd", "betas", "optimizer", "*epochs", "steps"),
    *("batch_size", "frac*", "group*", "layers", "model", "operation", "task", "save_*"),
    *("mu", "s", "block_size", "vocab_size", "wide_factor", "if_ln", "weight_tying", "dropout"),
)


def check_config(config: Config) -> None:
    """Refuses a configuration of networks that this project has not.

    Raises:
        ValueError: naming the field, what is accepted, and what the value means.
    """
    for name, field in FIELDS.items():
        if name in config and not field.accepts(config[name], config):
            raise ValueError(
                f"config {name}: expected {field.expected}, got {config[name]!r}: {field.means}"
            )


def unknown_fields(config: Config) -> list[str]:
    """What to say of fields that no table names and that are not off."""
    names = [
        name
        for name, value in config.items()
        if name not in FIELDS and not name.startswith("_") and value is not None
        if value is not False and not any(fnmatchcase(name, pattern) for pattern in HARMLESS)
    ]
    many = f" and {len(names) - 6} more" if len(names) > 6 else ""
    told = "configuration fields that are not known are taken to change nothing: "
    return [told + ", ".join(names[:6]) + many] if names else []


def activation_of(config: Config) -> str | None:
    """φ by this project's name; None if the configuration does not tell it.

    Raises:
        ValueError: naming the field, if it is none of this project's.
    """
    for field in _PHI_FIELDS:
        told = config.get(field)
        if isinstance(told, str):
            name = _PHI.get(told.lower(), told)
            if name not in ACTIVATIONS:
                raise ValueError(f"config {field}: {ACTIVATIONS.expected(told)}")
            return name
    return None


def modulus_of(config: Config) -> int | None:
    """p, where a configuration tells it."""
    told: Iterator[Any] = (config.get(name) for name in ("p", "modulus", "prime", "mod"))
    return next((one for one in told if isinstance(one, int) and one > 1), None)


def check_sizes(config: Config, sizes: Mapping[str, int]) -> None:
    """Refuses a configuration that contradicts the tensors.

    Raises:
        ValueError: naming the field and both numbers.
    """
    for name, size in sizes.items():
        told = config.get(name)
        if isinstance(told, int) and told > 0 and told != size:
            raise ValueError(f"config {name}: expected {size}, as the tensors have, got {told}")
