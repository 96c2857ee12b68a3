"""What every layout of foreign networks must do, over the table of layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from interp.exchange import Known, import_checkpoint
from interp.exchange.layouts.known import LAYOUTS, find_layout
from tests import foreign_forward as forward
from tests.test_import import (
    D_HEAD,
    HEADS,
    PAIRS,
    D,
    Embedded,
    N,
    P,
    assert_same_logits,
    doshi,
    doshi_forward,
    doshi_transformer,
    doshi_transformer_forward,
    drawn,
    hooked,
    hooked_forward,
)

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Written:
    """A small network in a layout, and its logits on all pairs by a forward pass of the tests."""

    state: State
    logits: torch.Tensor
    model: dict[str, Any]


def side_by_side(heads: torch.Tensor) -> torch.Tensor:
    """Matrices (head, d, d_head) as torch has them: (outputs × inputs), a head below the other."""
    return torch.cat([matrix.T for matrix in heads])


def bridge() -> Written:
    """The Transformer of ``hooked`` in TransformerBridge's names."""
    theirs = hooked(P + 1, 3, P)
    state = {
        "embed.weight": theirs["embed.W_E"],
        "pos_embed.weight": theirs["pos_embed.W_pos"],
        "blocks.0.mlp.in.weight": theirs["blocks.0.mlp.W_in"].T,
        "blocks.0.mlp.out.weight": theirs["blocks.0.mlp.W_out"].T,
        "unembed.weight": theirs["unembed.W_U"].T,
    }
    for part in "QKV":
        weight = side_by_side(theirs[f"blocks.0.attn.W_{part}"])
        state[f"blocks.0.attn.{part.lower()}.weight"] = weight
    out = torch.empty(D, D, dtype=torch.float64)
    for head, matrix in enumerate(theirs["blocks.0.attn.W_O"]):
        out[:, head * D_HEAD : (head + 1) * D_HEAD] = matrix.T
    state["blocks.0.attn.o.weight"] = out
    logits = hooked_forward(theirs, equals=True, causal=True)
    return Written(state, logits, {"n_heads": HEADS})


def legacy() -> Written:
    found = hooked(P + 1, 3, P)
    state = {name: one for name, one in found.items() if ".b_" not in name}  # they are zero
    return Written(state, hooked_forward(state, equals=True, causal=True), {})


def authors_encoder() -> Written:
    state = doshi_transformer(0.5, blocks=2, norm=True)
    return Written(state, doshi_transformer_forward(state, 0.5), {"n_heads": HEADS})


def authors_layers() -> Written:
    state = doshi("batch")
    return Written(state, doshi_forward(state, "batch"), {})


def linear_layers() -> Written:
    torch.manual_seed(3)
    net = Embedded(tables=1, summed=False).double()
    return Written(dict(net.state_dict()), net(PAIRS).detach(), {})


def original_grokking() -> Written:
    """Vectors are columns: every matrix of ``hooked`` transposed, W_O of all heads joined."""
    turned = {name: one.T for name, one in hooked(P, 2, P).items() if one.ndim == 2}
    state = {name: one.contiguous() for name, one in turned.items() if ".b_" not in name}
    state["unembed.W_U"] = drawn(D, P)
    state["pos_embed.W_pos"] = drawn(2, D)
    for part in "QKV":
        state[f"blocks.0.attn.W_{part}"] = drawn(HEADS, D_HEAD, D, seed=ord(part))
    state["blocks.0.attn.W_O"] = drawn(D, D)
    state["blocks.0.attn.mask"] = torch.ones(2, 2).tril()
    state |= {"blocks.0.mlp.b_in": drawn(2 * N, seed=1), "blocks.0.mlp.b_out": drawn(D, seed=2)}
    logits = forward.grokking(forward.arrays_of(state), P, forward.pairs_of(P))
    return Written(state, torch.as_tensor(logits), {})


def raw_matrices() -> Written:
    state = {"W_x": drawn(P, D), "W_y": drawn(P, D, seed=1), "W": drawn(2 * D, N)}
    state["W_U"] = drawn(N, P)
    return Written(state, torch.as_tensor(forward.two_tables(forward.arrays_of(state), P)), {})


WRITTEN: dict[str, Callable[[], Written]] = {
    "grokking": original_grokking,
    "transformer-lens": legacy,
    "bridge": bridge,
    "doshi-transformer": authors_encoder,
    "doshi": authors_layers,
    "mlp": linear_layers,
    "raw": raw_matrices,
}


def brought_in(state: State, written: Written, layout: str = "auto") -> Any:
    return import_checkpoint(state, layout=layout, known=Known(model=written.model))


def test_every_layout_is_here():
    assert set(WRITTEN) == set(LAYOUTS)
    assert all(name == row.name and row.expects for name, row in LAYOUTS.items())


@pytest.mark.parametrize("layout", ["auto", "named"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_network_comes_in_with_its_logits(name, layout):
    written = WRITTEN[name]()
    found = brought_in(written.state, written, "auto" if layout == "auto" else name)
    assert found.layout == name
    assert_same_logits(found, written.logits)


def stretched(state: State) -> Iterator[tuple[str, State]]:
    """The state dict with one axis of one tensor at three times its size, for every axis.

    Twice the size can be another network: embeddings side by side and not summed.
    """
    for name, tensor in state.items():
        for axis in range(tensor.ndim):
            yield f"{name} axis {axis}", {**state, name: torch.cat([tensor] * 3, axis)}


# Positions and tokens that are never reached are dropped, and said to be; nobody reads the mask.
_MASK = {"blocks.0.attn.mask axis 0", "blocks.0.attn.mask axis 1"}
ALLOWED = {
    "grokking": {*_MASK, "embed.W_E axis 1"},
    "transformer-lens": {*_MASK, "pos_embed.W_pos axis 0", "embed.W_E axis 0"},
    "bridge": {"pos_embed.weight axis 0", "embed.weight axis 0"},
    "doshi-transformer": {"transformer.wte.weight axis 0"},
    "mlp": {"embed_first.weight axis 0", "embed_second.weight axis 0"},
}


def names_one_of(error: ValueError, state: State) -> bool:
    return "\n" not in str(error) and any(name in str(error) for name in state)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_wrong_shape_is_refused_and_named(name):
    written = WRITTEN[name]()
    for place, state in stretched(written.state):
        if place in ALLOWED.get(name, ()):
            found = brought_in(state, written, name)
            assert_same_logits(found, written.logits)
            words = ("positions from", "mask", "tokens that no pair reaches", "beyond p left out")
            lines = (*found.dropped, *found.recognized)
            assert any(word in line for word in words for line in lines), place
            continue
        with pytest.raises(ValueError) as error:
            pytest.fail(f"{place}: came in as {brought_in(state, written, name).recognized}")
        assert names_one_of(error.value, state), (place, str(error.value))


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_matrix_that_is_absent_is_refused(name):
    written = WRITTEN[name]()
    matrices = [key for key, one in written.state.items() if one.ndim > 1 and "mask" not in key]
    assert len(matrices) >= 2
    for absent in matrices:
        state = {key: one for key, one in written.state.items() if key != absent}
        with pytest.raises(ValueError) as error:
            pytest.fail(f"{absent}: came in as {brought_in(state, written, name).recognized}")
        assert "\n" not in str(error.value)
        assert "expected" in str(error.value), (absent, str(error.value))


@pytest.mark.parametrize("name", LAYOUTS)
def test_another_layouts_network_is_refused(name):
    strange = {"conv.weight": torch.zeros(2, 3, 5, 5)}
    with pytest.raises(ValueError, match=f"as {name}: expected ") as error:
        find_layout(name, strange)
    assert "conv.weight 2×3×5×5" in str(error.value)


@pytest.mark.parametrize("word", ["auto", *LAYOUTS])
def test_an_unknown_layout_names_the_nearest(word):
    for typed in (f"{word}x", word[:-2] + word[-1] + word[-2]):
        with pytest.raises(ValueError, match=f"as: expected auto, .*; nearest is {word}$"):
            find_layout(typed, {})


def test_auot_is_auto():
    with pytest.raises(ValueError, match="got 'auot'; nearest is auto"):
        find_layout("auot", {})
