"""Configurations beside foreign weights: what is read, what is refused by name, what is assumed."""

from __future__ import annotations

import collections
import pickle
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from interp.exchange import Known, import_checkpoint, to_bridge
from interp.exchange.layouts.config import FIELDS, HARMLESS, unknown_fields
from interp.exchange.pickled import unpickled
from tests import foreign_forward as forward
from tests.test_exchange import random_transformer
from tests.test_import import D_HEAD, HEADS, D, P, drawn, hooked
from tests.test_import_layouts import assert_logits, lens

# As TransformerLens 3 has them, of a network that this project can be.
PLAIN: dict[str, Any] = {
    "d_model": D,
    "d_head": D_HEAD,
    "n_heads": HEADS,
    "n_layers": 1,
    "n_ctx": 2,
    "d_vocab": P,
    "d_vocab_out": P,
    "act_fn": "relu",
    "normalization_type": None,
    "attention_dir": "causal",
    "positional_embedding_type": "standard",
    "attn_scale": -1.0,
    "use_attn_scale": True,
    "default_prepend_bos": True,
    "attn_scores_soft_cap": -1.0,
    "output_logits_soft_cap": -1.0,
    "rotary_base": 10000,
    "eps": 1e-5,
}
# Another value of each field, and a word of what it means.
REFUSED: dict[str, tuple[Any, str]] = {
    "positional_embedding_type": ("rotary", "rotary"),
    "normalization_type": ("RMS", "RMS"),
    "uses_rms_norm": (True, "RMS norms"),
    "final_rms": (True, "an RMS norm before the logits"),
    "rmsnorm_uses_offset": (True, "RMS norms with an offset"),
    "use_normalization_before_and_after": (True, "norms after attention and MLP"),
    "post_embedding_ln": (True, "a norm on the embeddings"),
    "use_qk_norm": (True, "norms of queries and keys"),
    "parallel_attn_mlp": (True, "attention and MLP side by side"),
    "gated_mlp": (True, "gated MLPs"),
    "num_experts": (4, "a mixture of experts"),
    "experts_per_token": (2, "a mixture of experts"),
    "attn_scores_soft_cap": (30.0, "a soft cap on the attention scores"),
    "output_logits_soft_cap": (30.0, "a soft cap on the logits"),
    "use_local_attn": (True, "local attention"),
    "attn_types": (["global", "local"], "local attention"),
    "scale_attn_by_inverse_layer_idx": (True, "scores divided by the number of the layer"),
    "n_key_value_heads": (1, "keys and values shared by heads"),
    "per_layer_head_dim": ([4], "heads of several sizes"),
    "per_layer_num_key_value_heads": ([1], "keys and values shared by heads"),
    "relative_attention_max_distance": (8, "relative positions"),
    "relative_attention_num_buckets": (8, "relative positions"),
    "use_logn_attn": (True, "scores scaled by the logarithm"),
    "use_attention_sinks": (True, "attention sinks"),
    "clip_qkv": (8.0, "clipped queries"),
    "scale_embedding": (True, "scaled embeddings"),
    "attention_dir": ("prefix", "attention of another direction"),
    "attn_scale": ("fast", "divided by something else"),
    "attn_coeff": (0.5, "partly or wholly constant"),
    "attention_rate": (0.0, "partly or wholly constant"),
    "load_in_4bit": (True, "weights of four bits"),
    "quantization_method": ("mxfp4", "quantized weights"),
    "is_audio_model": (True, "an audio model"),
    "is_visual_model": (True, "a visual model"),
    "is_multimodal": (True, "a multimodal model"),
    "is_stateful": (True, "a network with a state"),
}


def brought_in(**changes: Any) -> Any:
    return import_checkpoint({"model": lens(P, 2, P), "config": {**PLAIN, **changes}})


def expected(phi: str = "relu", scale: float | None = None) -> np.ndarray:
    arrays = forward.arrays_of(lens(P, 2, P))
    return forward.hooked(arrays, P, forward.pairs_of(P), phi, scale)


def test_every_field_of_the_table_is_tried():
    assert set(REFUSED) | {"eps"} == set(FIELDS)


@pytest.mark.parametrize("field", REFUSED)
def test_a_field_that_is_not_modelled_is_refused_by_name(field):
    value, means = REFUSED[field]
    with pytest.raises(ValueError, match=f"^config {field}: expected ") as error:
        brought_in(**{field: value})
    assert means in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("field", [*REFUSED, "eps"])
def test_what_these_networks_have_is_accepted(field):
    found = brought_in(**({field: PLAIN[field]} if field in PLAIN else {field: None}))
    assert_logits(found, expected())
    assert not any("configuration" in line for line in found.assumed)


def with_norms(**config: Any) -> Any:
    state = lens(P, 2, P)
    for name in ("blocks.0.ln1", "blocks.0.ln2", "ln_final"):
        state |= {f"{name}.w": 1 + drawn(D), f"{name}.b": drawn(D, seed=4)}
    return {"model": state, "config": {**PLAIN, "normalization_type": "LN", **config}}


def test_another_epsilon_is_refused_where_there_are_norms():
    with pytest.raises(ValueError, match="config eps: expected 1e-05, got 1e-06: another ε"):
        import_checkpoint(with_norms(eps=1e-6))
    assert import_checkpoint(with_norms()).run.config.model.norm == "layer"
    assert_logits(brought_in(eps=1e-6), expected())  # no norms, no ε


@pytest.mark.parametrize("told", [None, "LNPre"])
def test_norms_that_contradict_the_configuration_are_refused(told):
    with pytest.raises(ValueError, match=f"normalization_type: got {told}, but there are gains"):
        import_checkpoint(with_norms(normalization_type=told))
    with pytest.raises(ValueError, match="normalization_type: got LN, but there are no gains"):
        brought_in(normalization_type="LN")


# Tensors that tell of a network which this project cannot be, without a configuration.
TELLTALES = {
    "blocks.0.mlp.W_gate": "a gated MLP",
    "blocks.0.attn.rotary_sin": "rotary positions",
    "blocks.0.mlp.ln.w": "a norm between activation and output",
    "blocks.0.attn._W_K": "keys and values shared by heads",
    "blocks.0.attn.q_norm.w": "norms of queries and keys",
    "blocks.0.ln1_post.w": "norms after attention and MLP",
    "embed.ln.w": "a norm on the embeddings",
    "blocks.0.attn.sinks": "attention sinks",
    "blocks.0.attn.rel_attn_bias.weight": "relative positions",
    "blocks.0.mlp.experts.0.W_in": "a mixture of experts",
}


@pytest.mark.parametrize("name", TELLTALES)
def test_a_tensor_that_tells_of_another_network_is_refused(name):
    with pytest.raises(ValueError, match=f"tensor {name}: expected none of that name") as error:
        import_checkpoint(lens(P, 2, P) | {name: drawn(D)})
    assert TELLTALES[name] in str(error.value)


def test_rms_norms_are_told_by_their_missing_bias():
    state = lens(P, 2, P)
    state |= {f"{n}.w": 1 + drawn(D) for n in ("blocks.0.ln1", "blocks.0.ln2", "ln_final")}
    with pytest.raises(ValueError, match=r"tensor blocks\.0\.ln1\.b: .* an RMS norm has none"):
        import_checkpoint(state)
    with pytest.raises(ValueError, match=r"tensor ln_final\.w: expected layer norm everywhere"):
        import_checkpoint({k: v for k, v in with_norms()["model"].items() if "ln_final" not in k})


PHI = {
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "x^2": "square",
    "cube": "cube",
    "ReLU": "relu",
}


@pytest.mark.parametrize("word", PHI)
def test_words_for_activations(word):
    found = brought_in(act_fn=word)
    assert found.run.config.model.activation == PHI[word]
    assert_logits(found, expected(PHI[word]))


def test_the_tanh_form_is_another_function_than_gelu():
    exact = import_checkpoint({"model": lens(P, 2, P), "config": {**PLAIN, "act_fn": "gelu"}})
    assert exact.run.config.model.activation == "gelu"
    with torch.no_grad():
        logits = exact.run.network()(torch.as_tensor(forward.pairs_of(P))).numpy()
    assert np.abs(logits - expected("gelu_tanh")).max() > 1e-4


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match=r"config act_fn: expected .*relu.*, got 'solu_ln'"):
        brought_in(act_fn="solu_ln")


def test_unscaled_attention_goes_into_the_queries():
    found = brought_in(use_attn_scale=False)
    assert_logits(found, expected(scale=1.0))
    assert any("not divided" in line for line in found.assumed)
    assert_logits(brought_in(attn_scale=3.0), expected(scale=3.0))


@pytest.mark.parametrize(
    ("field", "right"), [("n_layers", 1), ("d_model", D), ("n_heads", HEADS), ("d_head", D_HEAD)]
)
def test_a_configuration_of_another_network_is_refused(field, right):
    with pytest.raises(ValueError, match=f"config {field}: expected {right}, as the tensors have"):
        brought_in(**{field: right + 1})


def test_unknown_fields_are_named_where_they_are_not_off():
    found = brought_in(new_feature=3, other=False, nothing=None, lr=0.1)
    (line,) = [one for one in found.assumed if one.startswith("configuration fields")]
    assert line.endswith("are taken to change nothing: new_feature")
    many = unknown_fields({f"x{i}": i + 1 for i in range(9)})
    assert many[0].endswith("x5 and 3 more")
    assert not set(FIELDS) & set(HARMLESS)


def test_a_bridges_configuration_says_nothing_new():
    """All that TransformerLens 4 writes into one is known."""
    found = import_checkpoint(to_bridge(random_transformer(torch.float64)))
    assert not any("configuration" in line for line in found.assumed)


# --- pickles -----------------------------------------------------------------------------------


HOMES = [
    "transformer_lens.HookedTransformerConfig.HookedTransformerConfig",
    "transformer_lens.config.HookedTransformerConfig.HookedTransformerConfig",
    "transformer_lens.config.hooked_transformer_config.HookedTransformerConfig",
    "transformer_lens.config.TransformerBridgeConfig.TransformerBridgeConfig",
    "transformer_lens.config.transformer_bridge_config.TransformerBridgeConfig",
    "easy_transformer.EasyTransformerConfig.EasyTransformerConfig",
    "argparse.Namespace",
]


@pytest.mark.parametrize("home", HOMES)
def test_a_pickled_configuration_of_any_version_is_read_as_values(home, tmp_path, monkeypatch):
    """Written by a class of that name, whose module is gone when it is read."""
    module, _, name = home.rpartition(".")
    kind = type(name, (), {"__module__": module})
    stand_in = ModuleType(module)
    setattr(stand_in, name, kind)
    config = kind()
    vars(config).update({**PLAIN, "attn_scale": np.float64(3.0), "seed": np.int64(7)})
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, module, stand_in)
        if module.startswith("easy_transformer"):
            patch.setitem(sys.modules, "easy_transformer", ModuleType("easy_transformer"))
        torch.save({"model": lens(P, 2, P), "config": config}, tmp_path / "net.pth")
    found = import_checkpoint(tmp_path / "net.pth")
    assert_logits(found, expected(scale=3.0))
    assert not any("activation" in line for line in found.assumed)


def test_numpy_values_in_a_pickle_are_plain_values(tmp_path):
    content = {
        "double": np.float64(0.1),
        "single": np.float32(0.5),
        "whole": np.int64(-3),
        "truth": np.bool_(True),
        "text": np.str_("α"),
        "table": np.arange(6, dtype=np.int32).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "nested": [(np.float16(2), {"deep": np.ones(2)})],
        "big": np.array([1, 2], dtype=">i4"),
    }
    torch.save(content, tmp_path / "values.pth")
    found = unpickled(tmp_path / "values.pth")
    kinds = {"double": float, "single": float, "whole": int, "truth": bool, "text": str}
    for name, kind in kinds.items():
        assert found[name] == content[name]
        assert type(found[name]) is kind
    for name in ("table", "columns", "big"):
        np.testing.assert_array_equal(found[name], content[name])
        assert found[name].dtype == content[name].dtype
    ((number, inner),) = found["nested"]
    assert number == 2
    np.testing.assert_array_equal(inner["deep"], np.ones(2))


def test_the_older_path_of_numpy_is_known(tmp_path):
    torch.save({"a": np.float64(0.25)}, tmp_path / "new.pth")
    content = (tmp_path / "new.pth").read_bytes()
    old = pickle.dumps({"a": np.float64(0.25)}, protocol=2)
    assert b"numpy._core.multiarray" in old or b"numpy.core.multiarray" in old
    assert b"multiarray" in content
    renamed = old.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    torch.save(_Raw(renamed), tmp_path / "old.pth", pickle_module=_writes(renamed))
    assert unpickled(tmp_path / "old.pth") == {"a": 0.25}


class _Raw(collections.UserDict[str, Any]):
    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content


def _writes(content: bytes) -> Any:
    """A pickle module that writes given bytes."""

    class Pickler:
        def __init__(self, file: Any, protocol: int) -> None:
            self.file = file

        def dump(self, _: Any) -> None:
            self.file.write(content)

    return type("module", (), {"Pickler": Pickler, "__name__": "pickle"})


@pytest.mark.parametrize("value", [np.array([{"a": 1}], dtype=object), np.datetime64("2024-01-01")])
def test_numpy_objects_in_a_pickle_are_refused(value, tmp_path):
    torch.save({"model": hooked(P, 2, P), "more": value}, tmp_path / "objects.pth")
    with pytest.raises(ValueError, match=r"refused .*numpy type .* is not one of numbers or text"):
        import_checkpoint(tmp_path / "objects.pth")


@pytest.mark.parametrize("inside", [False, True])
def test_a_whole_module_is_refused_with_what_to_do(inside, tmp_path):
    net = nn.Sequential(nn.Linear(2 * P, 4), nn.ReLU(), nn.Linear(4, P))
    torch.save({"model": net} if inside else net, tmp_path / "module.pt")
    with pytest.raises(ValueError, match=r"a whole pickled module.*save its state_dict\(\)$"):
        import_checkpoint(tmp_path / "module.pt")


def test_numpy_arrays_as_weights(tmp_path):
    state = {name: one.numpy() for name, one in lens(P, 2, P).items()}
    torch.save({"model": state, "config": PLAIN}, tmp_path / "arrays.pth")
    assert_logits(import_checkpoint(tmp_path / "arrays.pth", known=Known(p=P)), expected())


def test_a_configuration_without_mlp_beside_mlp_weights_is_refused():
    state = hooked(P, 2, P)
    source = {"model": state, "config": {"attn_only": True}}
    with pytest.raises(ValueError, match="config attn_only: expected false beside MLP weights"):
        import_checkpoint(source)
    for field, told in (("d_vocab", 99), ("d_vocab_out", 3), ("n_ctx", 99)):
        with pytest.raises(ValueError, match=f"config {field}: expected .*, as the tensors have"):
            import_checkpoint({"model": state, "config": {field: told}})
