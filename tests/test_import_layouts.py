"""Layouts of public repositories, each against a forward pass in numpy."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from interp.cli.app import main
from interp.exchange import Known, import_checkpoint
from interp.exchange.layouts.cleaned import cleaned
from tests import foreign_forward as forward
from tests.test_import import D_HEAD, HEADS, ONE_HOT, PAIRS, D, N, P, doshi_transformer, drawn

State = dict[str, torch.Tensor]
D_MLP = 2 * N


def assert_logits(found: Any, expected: np.ndarray) -> None:
    with torch.no_grad():
        logits = found.run.network()(PAIRS).double().numpy()
    # Relative to the largest; files in float32 sum in another order.
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def with_equals(token: int = P) -> np.ndarray:
    pairs = forward.pairs_of(P)
    return np.column_stack([pairs, np.full(len(pairs), token)])


def transposed(
    tokens: int, positions: int, outputs: int, blocks: int = 1, biases: bool = True
) -> State:
    """The original grokking paper's names and shapes, float32, with its constant masks."""
    state = {"embed.W_E": drawn(D, tokens), "pos_embed.W_pos": drawn(positions, D, seed=1)}
    for block in range(blocks):
        start = f"blocks.{block}."
        for part in "QKV":
            state[f"{start}attn.W_{part}"] = drawn(HEADS, D_HEAD, D, seed=ord(part) + block)
        state[f"{start}attn.W_O"] = drawn(D, HEADS * D_HEAD, seed=2 + block)
        state[f"{start}attn.mask"] = torch.ones(positions, positions).tril()
        state[f"{start}mlp.W_in"] = drawn(D_MLP, D, seed=3 + block)
        state[f"{start}mlp.W_out"] = drawn(D, D_MLP, seed=4 + block)
        if biases:
            state[f"{start}mlp.b_in"] = drawn(D_MLP, seed=5)
            state[f"{start}mlp.b_out"] = drawn(D, seed=6)
    state["unembed.W_U"] = drawn(D, outputs, seed=7)
    return {name: one.float() for name, one in state.items()}


# --- the transposed Transformer ----------------------------------------------------------------


@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("turned", [False, True])
def test_the_original_grokking_transformer(blocks, turned):
    """W_E has 12 columns and d is 12: only the layout tells which axis has the tokens."""
    state = transposed(P + 1, 3, P + 1, blocks)
    if turned:
        state["pos_embed.W_pos"] = state["pos_embed.W_pos"].T.contiguous()
    found = import_checkpoint(state, known=Known(p=P))
    assert found.layout == "grokking"
    expected = forward.grokking(forward.arrays_of(state), P, with_equals())
    assert_logits(found, expected)
    assert "embed.W_E is square and read as d × tokens" in found.assumed
    assert "embed.W_E is square and read as tokens × d" not in found.assumed
    assert {'the logit of "="', "blocks.0.attn.mask"} <= set(found.dropped)
    assert not any("attention" in line for line in found.assumed)  # the mask tells it
    assert any("blocks.0.attn.b_Q" in line and "zeros" in line for line in found.recognized)


def test_the_same_without_equals_and_biases():
    state = transposed(P, 2, P, biases=False)
    found = import_checkpoint(state)
    assert found.run.config.model.equals_token is False
    assert found.run.config.model.bias is False
    expected = forward.grokking(forward.arrays_of(state), P, forward.pairs_of(P))
    assert_logits(found, expected)


def test_its_configuration_tells_the_activation():
    state = transposed(P, 2, P)
    expected = forward.grokking(forward.arrays_of(state), P, forward.pairs_of(P), "gelu_tanh")
    found = import_checkpoint({"model": state, "config": {"act_type": "gelu_new", "p": P}})
    assert_logits(found, expected)
    assert found.run.config.model.activation == "gelu_tanh"


def test_a_tensor_of_a_block_that_has_no_place_is_refused():
    state = transposed(P, 2, P) | {"blocks.0.mlp.W_extra": drawn(D, D)}
    with pytest.raises(ValueError, match=r"tensor blocks\.0\.mlp\.W_extra: expected none"):
        import_checkpoint(state)
    found = import_checkpoint(state, known=Known(ignore=("blocks.*.W_extra",)))
    assert "blocks.0.mlp.W_extra, as asked" in found.dropped


# --- tokens and positions ----------------------------------------------------------------------


def lens(tokens: int, positions: int, outputs: int, d_head: int = D_HEAD) -> State:
    state = {
        "embed.W_E": drawn(tokens, D),
        "pos_embed.W_pos": drawn(positions, D, seed=1),
        **{f"blocks.0.attn.W_{part}": drawn(HEADS, D, d_head, seed=ord(part)) for part in "QKV"},
        "blocks.0.attn.W_O": drawn(HEADS, d_head, D, seed=2),
        "blocks.0.mlp.W_in": drawn(D, D_MLP, seed=3),
        "blocks.0.mlp.W_out": drawn(D_MLP, D, seed=4),
        "unembed.W_U": drawn(D, outputs, seed=5),
    }
    return state


@pytest.mark.parametrize("part", ["K", "V", "O"])
def test_heads_of_another_shape_are_refused(part):
    state, name = lens(P + 1, 3, P), f"blocks.0.attn.W_{part}"
    state[name] = state[name][..., :-1, :]
    with pytest.raises(ValueError, match=rf"^tensor {name}: expected shape 3×"):
        import_checkpoint(state)


def operand_tokens(equals: bool) -> np.ndarray:
    pairs = forward.pairs_of(P) + np.array([0, P])
    return np.column_stack([pairs, np.full(len(pairs), 2 * P)]) if equals else pairs


# Sizes (tokens, positions, logits), what is known, the tokens of the pairs, and what is said.
TOKENS: dict[str, tuple[tuple[int, int, int], dict[str, Any], np.ndarray, str]] = {
    "more tokens than = needs": (
        (P + 5, 3, P),
        {},
        with_equals(),
        "4 tokens that no pair reaches",
    ),
    "= is the last of them": (
        (P + 5, 3, P),
        {"choices": {"equals_at": P + 4}},
        with_equals(P + 4),
        "4 tokens that no pair reaches",
    ),
    "more logits than answers": (
        (P + 5, 3, P + 5),
        {"p": P},
        with_equals(),
        f"logits from {P}",
    ),
    "three positions without =": (
        (P, 3, P),
        {},
        forward.pairs_of(P),
        "positions from 2",
    ),
    "a vocabulary an operand": ((2 * P, 2, P), {}, operand_tokens(False), ""),
    "a vocabulary an operand, =": ((2 * P + 1, 3, P), {}, operand_tokens(True), ""),
    "twice as many tokens, shared": (
        (2 * P, 2, P),
        {"model": {"vocabulary": "shared"}},
        forward.pairs_of(P),
        f"{P} tokens that no pair reaches",
    ),
    "longer sequences with p told": (
        (P, 6, P),
        {"p": P},
        forward.pairs_of(P),
        "positions from 2",
    ),
}


@pytest.mark.parametrize("name", TOKENS)
def test_tokens_and_positions(name):
    sizes, known, tokens, dropped = TOKENS[name]
    state = lens(*sizes)
    found = import_checkpoint(state, known=Known(**known))
    assert_logits(found, forward.hooked(forward.arrays_of(state), P, tokens))
    assert not dropped or dropped in found.dropped


def test_without_a_configuration_what_is_assumed_is_said():
    found = import_checkpoint(lens(P, 3, P))
    assert '"=" as third token: False' in found.assumed
    assert any(line.startswith("positions added to the residual") for line in found.assumed)
    found = import_checkpoint(lens(P + 1, 3, P))  # a token more need not be read
    assert '"=" as third token: True' in found.assumed
    assert not any("“=”" in line for line in found.recognized)
    found = import_checkpoint(lens(P, 2, P))
    assert not any("third token" in line for line in found.assumed)
    assert any("without “=”" in line for line in found.recognized)


def test_heads_of_another_width():
    state = lens(P, 2, P, d_head=5)  # 3 heads of 5 at d = 12
    found = import_checkpoint(state)
    assert found.run.config.model.d_head == 5
    assert_logits(found, forward.hooked(forward.arrays_of(state), P, forward.pairs_of(P)))


def test_a_task_on_longer_sequences_is_refused():
    with pytest.raises(ValueError, match=r"14 positions in pos_embed\.W_pos with 12 tok") as e:
        import_checkpoint(lens(P + 1, 14, P + 1, d_head=24))
    assert "blocks: 1, heads: 3 of 24 at d = 12" in str(e.value)
    assert "not one of two residues" in str(e.value)


@pytest.mark.parametrize("lacking", ["attn", "mlp", "unembed"])
def test_biases_that_are_absent_are_zeros(lacking):
    state = lens(P, 2, P)
    biases = {
        **{f"blocks.0.attn.b_{part}": drawn(HEADS, D_HEAD, seed=ord(part)) for part in "QKV"},
        "blocks.0.attn.b_O": drawn(D, seed=8),
        "blocks.0.mlp.b_in": drawn(D_MLP, seed=8),
        "blocks.0.mlp.b_out": drawn(D, seed=9),
        "unembed.b_U": drawn(P),
    }
    state |= {name: one for name, one in biases.items() if f"{lacking}." not in name}
    found = import_checkpoint(state)
    assert_logits(found, forward.hooked(forward.arrays_of(state), P, forward.pairs_of(P)))
    (line,) = [line for line in found.recognized if line.endswith(": zeros")]
    assert all(name in line for name in biases if f"{lacking}." in name)


# --- raw matrices ------------------------------------------------------------------------------


def pre(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Rows of both operands, summed, for all pairs."""
    return left[PAIRS[:, 0]] + right[PAIRS[:, 1]]


U, V = drawn(P, N, seed=1), drawn(P, N, seed=2)  # (element, neuron)
OUT = drawn(N, P, seed=3)
E_X, E_Y, HIDDEN = drawn(P, D, seed=4), drawn(P, D, seed=5), drawn(N, N, seed=6)
B_IN, B_OUT = drawn(N, seed=7), drawn(P, seed=8)
SIDE, SUM = drawn(2 * D, N, seed=9), drawn(D, N, seed=10)


def relu(values: torch.Tensor) -> torch.Tensor:
    return values.clamp(min=0)


# Raw matrices, the logits that are meant, and what is said of them.
RAW: dict[str, tuple[State, torch.Tensor, str]] = {
    "2p inputs, x @ W": (
        {"W1": torch.cat([U, V]), "W2": OUT},
        relu(pre(U, V)) @ OUT,
        "one-hot operands side by side; x @ W",
    ),
    "2p inputs, W @ x": (
        {"W1": torch.cat([U, V]).T, "W2": OUT.T},
        relu(pre(U, V)) @ OUT,
        "one-hot operands side by side; W @ x",
    ),
    "the last matrix first": (
        {"W_out": OUT, "W_in": torch.cat([U, V])},
        relu(pre(U, V)) @ OUT,
        "x @ W",
    ),
    "the logits' matrix first, by its name": (
        {"W_U": OUT, "W_z": torch.cat([U, V])},
        relu(pre(U, V)) @ OUT,
        "x @ W",
    ),
    "a matrix of each operand": (
        {"U": U, "V": V, "W": OUT},
        relu(pre(U, V)) @ OUT,
        "a matrix of each operand; x @ W",
    ),
    "a matrix of each operand, turned": (
        {"net.U": U.T, "net.V": V.T, "net.W": OUT.T},
        relu(pre(U, V)) @ OUT,
        "a matrix of each operand; W @ x",
    ),
    "tables side by side": (
        {"W_y": E_Y, "W_x": E_X, "W": SIDE, "W_U": OUT},
        relu(pre(E_X @ SIDE[:D], E_Y @ SIDE[D:])) @ OUT,
        "an embedding of each operand, side by side, folded in; x @ W",
    ),
    "tables summed, turned": (
        {"W_x": E_X, "W_y": E_Y, "W": SUM.T, "W_U": OUT.T},
        relu(pre(E_X @ SUM, E_Y @ SUM)) @ OUT,
        "an embedding of each operand, summed, folded in; W @ x",
    ),
    "one table, biases": (
        {"W_E": E_X, "W_in": SIDE, "b_in": B_IN, "W_out": OUT, "b_out": B_OUT},
        relu(pre(E_X @ SIDE[:D], E_X @ SIDE[D:]) + B_IN) @ OUT + B_OUT,
        "a shared embedding, side by side, folded in; x @ W",
    ),
    "one table, a bias alone": (
        {"embedding": E_X.T, "W1": SUM, "W2": OUT, "b1": B_IN},
        relu(pre(E_X @ SUM, E_X @ SUM) + B_IN) @ OUT,
        "a shared embedding, summed, folded in; x @ W",
    ),
    "three layers": (
        {"W1": torch.cat([U, V]), "W2": HIDDEN, "W3": OUT},
        relu(relu(pre(U, V)) @ HIDDEN) @ OUT,
        "3 layers, N = 20, p = 11",
    ),
}


# U and V of shape p × N with W of shape N × p fit a modulus of N too; the lesser one is taken.
OF_TWO_MODULI = ("a matrix of each operand", "a matrix of each operand, turned")


@pytest.mark.parametrize("name", RAW)
def test_raw_matrices(name):
    state, logits, words = RAW[name]
    found = import_checkpoint(state)
    assert found.layout == "raw"
    assert_logits(found, logits.numpy())
    assert any(words in line for line in found.recognized), found.recognized
    assert any("multiplied" in line for line in found.assumed) == (name in OF_TWO_MODULI)


def test_one_matrix_of_both_operands_and_a_fourier_basis():
    """(N, p) and (p, N) fit a modulus of N too; the p × p basis tells which it is."""
    columns = torch.cat([torch.ones(P, 1), torch.eye(P)[:, 1:]], 1).double()
    basis = torch.linalg.qr(columns)[0].T  # orthonormal, its first row constant
    plain = {"mlp.W_in": U.T, "mlp.W_out": OUT.T}
    state = {"W_in": U.T, "W_out": OUT.T}
    expected = forward.shared_columns(forward.arrays_of(state), P)
    found = import_checkpoint({**plain, "mlp.basis": basis})
    assert "mlp.basis" in found.dropped
    assert_logits(found, expected)
    assert not any("multiplied" in line for line in found.assumed)
    assert not cleaned({"b": basis}).tensors
    assert cleaned({"b": basis @ HIDDEN[:P, :P]}).tensors  # not orthonormal
    found = import_checkpoint(plain)
    assert_logits(found, expected)
    assert "matrices multiplied as W @ x" in found.assumed
    other = import_checkpoint(plain, known=Known(choices={"orientation": "x @ W"}))
    assert other.run.config.task.p == N


@pytest.mark.parametrize("orientation", ["x @ W", "W @ x"])
def test_square_matrices_are_turned_as_the_network_answers_right(orientation):
    """N = p fits both ways. Phases 2θk evenly spaced: the logits are cos θ(m + n − c) times N/2 and
    1 + cos θ(m − n) > 0, so every answer is right; turned, the phases do not cancel."""
    places = torch.arange(P).double()
    theta = 2 * torch.pi / P
    first = torch.cos(theta * (places[:, None] + 2 * places))  # (element, neuron)
    last = torch.cos(theta * (places + 4 * places[:, None]))  # (neuron, answer)
    logits = pre(first, first) ** 2 @ last
    assert torch.equal(logits.argmax(1), PAIRS.sum(1) % P)
    state = {"W1": first, "W2": last} if orientation == "x @ W" else {"W1": first.T, "W2": last.T}
    found = import_checkpoint(state, known=Known(model={"activation": "square"}))
    assert_logits(found, logits.numpy())
    assert any(
        line.startswith(f"matrices multiplied as {orientation}: by its answers, 100 % right")
        for line in found.recognized
    )


def test_a_wrong_orientation_is_refused():
    with pytest.raises(ValueError, match="orientation: expected x @ W, got 'rows'"):
        import_checkpoint(
            {"W1": torch.cat([U, V]), "W2": OUT}, known=Known(choices={"orientation": "rows"})
        )


def test_one_operands_table_alone_is_refused():
    with pytest.raises(ValueError, match="as raw: expected matrices that follow"):
        import_checkpoint({"W_x": E_X, "W": SIDE, "W_U": OUT}, layout="raw")


# --- prefixes, constants, short numbers --------------------------------------------------------


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod."])
def test_prefixes_of_wrappers_are_stripped_and_said(prefix):
    state = {f"{prefix}{name}": one for name, one in lens(P, 2, P).items()}
    found = import_checkpoint(state)
    expected = forward.hooked(forward.arrays_of(lens(P, 2, P)), P, forward.pairs_of(P))
    assert_logits(found, expected)
    assert f"prefix {prefix!r} stripped" in found.recognized


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_numbers_come_in_as_float32(dtype):
    state = {name: one.to(dtype) for name, one in lens(P, 2, P).items()}
    found = import_checkpoint(state)
    expected = forward.hooked(forward.arrays_of(state), P, forward.pairs_of(P))
    assert_logits(found, expected)
    assert f"{str(dtype).removeprefix('torch.')} as float32" in found.recognized
    assert found.run.config.dtype == "float32"


def test_ignored_tensors_are_named_or_the_nearest_is():
    state = {"W1": torch.cat([U, V]), "W2": OUT, "noise": drawn(4)}
    with pytest.raises(ValueError, match="tensor noise: expected none of that name and shape"):
        import_checkpoint(state)
    found = import_checkpoint(state, known=Known(ignore=("noi*",)))
    assert "noise, as asked" in found.dropped
    with pytest.raises(ValueError, match="got 'nois'; nearest is noise"):
        import_checkpoint(state, known=Known(ignore=("nois",)))


# --- norms of deeper networks ------------------------------------------------------------------


def test_batch_norm_on_all_but_the_last_hidden_layer():
    """The paper authors' deep network: [linear, norm, ReLU] …, linear, ReLU, linear."""
    torch.manual_seed(5)
    parts: list[nn.Module] = [nn.Linear(2 * P, N, bias=False)]
    for _ in range(2):
        parts += [nn.BatchNorm1d(N), nn.ReLU(), nn.Linear(N, N, bias=False)]
    parts += [nn.ReLU(), nn.Linear(N, P, bias=False)]
    net = randomized(nn.Sequential(*parts))
    found = import_checkpoint(net.state_dict())
    assert_logits(found, net(ONE_HOT).detach().numpy())
    assert "no norm on hidden layer 3 of 3" in found.assumed
    assert found.run.config.model.norm_last is False


def test_batch_norm_on_the_last_hidden_layer_alone():
    torch.manual_seed(6)
    net = randomized(
        nn.Sequential(
            nn.Linear(2 * P, N), nn.ReLU(), nn.Linear(N, N), nn.BatchNorm1d(N), nn.ReLU(),
            nn.Linear(N, P),
        )
    )  # fmt: skip
    found = import_checkpoint(net.state_dict())
    assert_logits(found, net(ONE_HOT).detach().numpy())
    assert "no norm on hidden layer 1 of 2" in found.assumed


def test_layer_norm_that_the_first_layer_lacks_is_refused_by_name():
    net = nn.Sequential(
        nn.Linear(2 * P, N), nn.ReLU(), nn.Linear(N, N), nn.LayerNorm(N), nn.ReLU(),
        nn.Linear(N, P),
    )  # fmt: skip
    with pytest.raises(ValueError, match="a norm for each of 2 hidden layers or none, got 3"):
        import_checkpoint(net.state_dict())


def randomized(net: nn.Module) -> nn.Module:
    """Its norms with values that are not those of an identity."""
    for one in net.modules():
        if isinstance(one, nn.BatchNorm1d):
            nn.init.uniform_(one.weight, 0.5, 2)
            nn.init.uniform_(one.bias)
            one.running_mean.uniform_(-1, 1)
            one.running_var.uniform_(0.5, 2)
    return net.double().eval()


# --- the authors' encoder ----------------------------------------------------------------------


@pytest.mark.parametrize("mu", [0.5, 2.0])
def test_a_rescaled_residual_stream_is_folded_into_the_weights(mu):
    state = doshi_transformer(0.5, blocks=2)
    found = import_checkpoint(state, known=Known(model={"n_heads": HEADS}, choices={"mu": mu}))
    assert_logits(found, forward.encoder(forward.arrays_of(state), P, HEADS, mu=mu))
    assert not any("μ" in line for line in found.assumed)


def test_their_gelu_is_the_tanh_form():
    state = doshi_transformer(1.0)
    config = {"act_name": "gelu", "n_head": HEADS, "mu": 1.0}
    found = import_checkpoint({"model": state, "config": config})
    expected = forward.encoder(forward.arrays_of(state), P, HEADS, "gelu_tanh")
    assert_logits(found, expected)
    with pytest.raises(ValueError, match="mu: expected 1 for a network with layer norms"):
        import_checkpoint(
            {"model": doshi_transformer(1.0, norm=True), "config": {**config, "mu": 2.0}}
        )


# --- the command -------------------------------------------------------------------------------


def test_the_command_takes_what_is_settled_and_what_to_ignore(tmp_path, capsys):
    torch.save({"A": U.T, "B": OUT.T, "noise": drawn(4), "more": drawn(3)}, tmp_path / "net.pth")
    options = ["--ignore", "noi*", "--ignore", "more", "--settle", "orientation=x @ W"]
    main(["import", str(tmp_path / "net.pth"), "--out", str(tmp_path / "run"), "--json", *options])
    told = json.loads(capsys.readouterr().out)
    assert {"noise, as asked", "more, as asked"} <= set(told["dropped"])
    assert any("p = 20" in line and line.endswith("x @ W") for line in told["recognized"])


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("orientation", "settle: expected name=value, got 'orientation'"),
        ("orientatoin=x", "settle: expected orientation, first_table, .*; nearest is orientation"),
        ("equals_token=maybe", "equals_token"),
    ],
)
def test_a_wrong_setting_is_one_line(option, words, tmp_path, capsys):
    torch.save(lens(P, 3, P), tmp_path / "net.pth")
    with pytest.raises(SystemExit):
        main(
            ["import", str(tmp_path / "net.pth"), "--out", str(tmp_path / "r"), "--settle", option]
        )
    told = capsys.readouterr().err
    assert re.search(words, told), told
    assert len(told.strip().splitlines()) == 1


def test_a_multiplier_of_the_logits_is_settled():
    state = lens(P, 2, P)
    found = import_checkpoint(state, known=Known(model={"output_scale": 0.25}))
    assert_logits(found, 0.25 * forward.hooked(forward.arrays_of(state), P, forward.pairs_of(P)))


def test_biases_that_are_zero_at_first_stay():
    """A file of checkpoints: the first has zero biases, the last has not."""
    first = lens(P, 2, P) | {"blocks.0.mlp.b_in": torch.zeros(D_MLP, dtype=torch.float64)}
    last = first | {"blocks.0.mlp.b_in": drawn(D_MLP)}
    content = {"model": last, "checkpoints": [first, last], "checkpoint_steps": [0, 9]}
    run = import_checkpoint(content).run
    for step, state in ((0, first), (9, last)):
        expected = forward.hooked(forward.arrays_of(state), P, forward.pairs_of(P))
        with torch.no_grad():
            np.testing.assert_allclose(run.network(step)(PAIRS).numpy(), expected, atol=1e-6)


def test_data_beside_bare_tensors_is_no_weight():
    train = torch.tensor([3, 4, 9])
    found = import_checkpoint({"W1": torch.cat([U, V]), "W2": OUT, "train_indices": train})
    assert found.dropped == ()
    np.testing.assert_array_equal(np.flatnonzero(found.run.dataset.is_train), train)
