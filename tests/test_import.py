"""Foreign checkpoints: the logits of a forward pass that is written here from the description."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional

import interp
from interp.cli.app import main
from interp.exchange import Known, import_checkpoint, plain_state, to_bridge, write_state
from interp.training.models.kinds import initial_network
from interp.training.tasks.task import make_task
from tests.conftest import tiny_config
from tests.test_exchange import VARIANTS, random_transformer

P, N, D, HEADS = 11, 20, 12, 3
D_HEAD = D // HEADS
TASK = make_task("x + y", P)
PAIRS = torch.as_tensor(TASK.pairs)
ONE_HOT = functional.one_hot(PAIRS, P).double().flatten(1)  # (pair, 2p)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape) * 7)
    return 0.4 * torch.randn(shape, generator=generator, dtype=torch.float64)


def logits_of(found: Any) -> torch.Tensor:
    with torch.no_grad():
        return found.run.network()(PAIRS)


def assert_same_logits(found: Any, expected: torch.Tensor) -> None:
    torch.testing.assert_close(logits_of(found), expected, rtol=1e-6, atol=1e-6)


def one_sided_ipr(curves: np.ndarray) -> np.ndarray:
    """Σ|X|⁴ / (Σ|X|²)² of the last axis, from numpy's own transform."""
    power = np.abs(np.fft.rfft(curves, axis=-1)) ** 2
    return (power**2).sum(-1) / power.sum(-1) ** 2


# --- the paper authors' two-layer networks ---------------------------------------------------


def doshi(norm: str | None = None) -> dict[str, torch.Tensor]:
    state = {"fc1.weight": drawn(N, 2 * P), "fc2.weight": drawn(P, N)}
    if norm:
        state |= {"norm1.weight": 1 + drawn(N), "norm1.bias": drawn(N, seed=1)}
    if norm == "batch":
        state |= {
            "norm1.running_mean": drawn(N, seed=2),
            "norm1.running_var": 0.5 + drawn(N, seed=3) ** 2,
            "norm1.num_batches_tracked": torch.tensor(9),
        }
    return state


def doshi_forward(state: dict[str, torch.Tensor], norm: str | None) -> torch.Tensor:
    hidden = (ONE_HOT @ state["fc1.weight"].T) ** 2
    if norm == "batch":
        hidden = functional.batch_norm(
            hidden,
            state["norm1.running_mean"],
            state["norm1.running_var"],
            state["norm1.weight"],
            state["norm1.bias"],
            training=False,
        )
    if norm == "layer":
        hidden = functional.layer_norm(hidden, (N,), state["norm1.weight"], state["norm1.bias"])
    return hidden @ state["fc2.weight"].T


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_the_authors_two_layer_nets(norm):
    state = doshi(norm)
    found = import_checkpoint(state)
    assert found.layout == "doshi"
    assert_same_logits(found, doshi_forward(state, norm))
    assert found.dropped == (("norm1.num_batches_tracked",) if norm == "batch" else ())
    assert found.run.config.model.norm == (norm or "none")


def test_iprs_are_those_of_numpy_on_the_foreign_arrays():
    state = doshi()
    table = interp.neuron_table(import_checkpoint(state).run)
    first, last = state["fc1.weight"].numpy(), state["fc2.weight"].numpy()
    curves = np.stack([first[:, :P], first[:, P:], last.T])
    np.testing.assert_allclose(table.curve_ipr, one_sided_ipr(curves), atol=1e-6)
    np.testing.assert_allclose(table.ipr, one_sided_ipr(curves).mean(0), atol=1e-6)


# --- plain chains of nn.Linear ----------------------------------------------------------------


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_chains_of_linear_layers(depth, bias):
    sizes = [2 * P, *[N] * (depth - 1), P]
    torch.manual_seed(0)
    layers = [nn.Linear(a, b, bias=bias) for a, b in pairwise(sizes)]
    parts = [part for layer in layers for part in (layer, nn.ReLU())][:-1]
    net = nn.Sequential(*parts).double()
    found = import_checkpoint(net.state_dict())
    assert found.layout == "mlp"
    assert_same_logits(found, net(ONE_HOT).detach())
    assert found.run.config.model.depth == depth
    assert found.run.config.model.bias == bias


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.LayerNorm])
def test_norms_before_the_activation(kind):
    torch.manual_seed(1)
    norms = [kind(N), kind(N)]
    net = nn.Sequential(
        nn.Linear(2 * P, N), norms[0], nn.ReLU(), nn.Linear(N, N), norms[1], nn.ReLU(),
        nn.Linear(N, P),
    ).double()  # fmt: skip
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.uniform_(norm.bias)
        if kind is nn.BatchNorm1d:
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.5, 2)
    net.eval()
    found = import_checkpoint(net.state_dict())
    assert_same_logits(found, net(ONE_HOT).detach())
    assert "norms pre-activation" in found.assumed


class Embedded(nn.Module):
    """Embeddings, shared or not, concatenated or summed, then two linear layers."""

    def __init__(self, tables: int, summed: bool) -> None:
        super().__init__()
        self.summed = summed
        self.embed_first = nn.Embedding(P, D)
        if tables == 2:
            self.embed_second = nn.Embedding(P, D)
        self.hidden = nn.Linear(D if summed else 2 * D, N)
        self.output = nn.Linear(N, P)

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        second = getattr(self, "embed_second", self.embed_first)
        left, right = self.embed_first(pairs[:, 0]), second(pairs[:, 1])
        values = left + right if self.summed else torch.cat([left, right], dim=1)
        return self.output(torch.relu(self.hidden(values)))


@pytest.mark.parametrize("tables", [1, 2])
@pytest.mark.parametrize("summed", [False, True])
def test_embeddings_are_folded_in(tables, summed):
    torch.manual_seed(2)
    net = Embedded(tables, summed).double()
    found = import_checkpoint(net.state_dict(), layout="mlp")
    assert_same_logits(found, net(PAIRS).detach())
    first = net.embed_first.weight @ net.hidden.weight[:, :D].T
    table = interp.neuron_table(found.run)
    expected = one_sided_ipr(first.detach().numpy().T)
    np.testing.assert_allclose(table.curve_ipr[0], expected, atol=1e-6)


# --- Transformers -----------------------------------------------------------------------------


def attention(x: torch.Tensor, q: Any, k: Any, v: Any, o: Any, scale: float, causal: bool) -> Any:
    """Head by head, from matrices (head, d, d_head) and (head, d_head, d)."""
    out = torch.zeros_like(x)
    for head in range(len(q)):
        scores = (x @ q[head]) @ (x @ k[head]).transpose(1, 2) / scale
        if causal:
            ahead = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(ahead, -math.inf)
        out = out + scores.softmax(-1) @ (x @ v[head]) @ o[head]
    return out


def hooked(tokens: int, positions: int, outputs: int) -> dict[str, torch.Tensor]:
    """A HookedTransformer of one block, as its state dict has it, biases at zero."""
    shapes = {
        "embed.W_E": (tokens, D),
        "pos_embed.W_pos": (positions, D),
        **{f"blocks.0.attn.W_{part}": (HEADS, D, D_HEAD) for part in "QKV"},
        "blocks.0.attn.W_O": (HEADS, D_HEAD, D),
        "blocks.0.mlp.W_in": (D, 2 * N),
        "blocks.0.mlp.W_out": (2 * N, D),
        "unembed.W_U": (D, outputs),
    }
    state = {name: drawn(*shape, seed=i) for i, (name, shape) in enumerate(shapes.items())}
    zeros = {
        **{f"blocks.0.attn.b_{part}": (HEADS, D_HEAD) for part in "QKV"},
        "blocks.0.attn.b_O": (D,),
        "blocks.0.mlp.b_in": (2 * N,),
        "blocks.0.mlp.b_out": (D,),
        "unembed.b_U": (outputs,),
    }
    state |= {name: torch.zeros(shape, dtype=torch.float64) for name, shape in zeros.items()}
    state["blocks.0.attn.mask"] = torch.ones(positions, positions).tril().bool()
    state["blocks.0.attn.IGNORE"] = torch.tensor(-math.inf)
    return state


def hooked_forward(state: dict[str, torch.Tensor], equals: bool, causal: bool) -> torch.Tensor:
    column = torch.full((len(PAIRS), 1), P)
    tokens = torch.cat([PAIRS, column], dim=1) if equals else PAIRS
    x = state["embed.W_E"][tokens] + state["pos_embed.W_pos"][: tokens.shape[1]]
    matrices = [state[f"blocks.0.attn.W_{part}"] for part in "QKVO"]
    x = x + attention(x, *matrices, scale=D_HEAD**0.5, causal=causal)
    x = x + torch.relu(x @ state["blocks.0.mlp.W_in"]) @ state["blocks.0.mlp.W_out"]
    return (x[:, -1] @ state["unembed.W_U"])[:, :P]


@pytest.mark.parametrize(
    ("tokens", "positions", "outputs", "equals"),
    [(P + 1, 3, P, True), (P, 2, P, False), (P + 1, 3, P + 1, True), (P + 1, 5, P, True)],
)
@pytest.mark.parametrize("causal", [True, False])
def test_hooked_transformers(tokens, positions, outputs, equals, causal):
    state = hooked(tokens, positions, outputs)
    model = {} if causal else {"attention": "bidirectional"}
    found = import_checkpoint(state, known=Known(model=model))
    assert found.layout == "transformer-lens"
    assert_same_logits(found, hooked_forward(state, equals, causal))
    assert found.run.config.model.equals_token == equals
    assert ("attention causal" in found.assumed) == causal
    assert "biases, all of them zero" in found.dropped
    assert {"blocks.0.attn.mask", "blocks.0.attn.IGNORE"} <= set(found.dropped)
    expected = one_sided_ipr(state["embed.W_E"][:P].numpy().T).mean()
    embedding = interp.embedding_table(found.run).mean_ipr["embedding W_E"]
    assert embedding == pytest.approx(expected, abs=1e-6)
    if outputs > P:
        assert 'the logit of "="' in found.dropped


@pytest.mark.parametrize("kind", ["LN", "LNPre"])
def test_hooked_transformers_with_layer_norm(kind):
    """LNPre: gains and biases were folded into the matrices, so the file has none."""
    state = hooked(P, 2, P)
    if kind == "LN":
        for name in ("blocks.0.ln1", "blocks.0.ln2", "ln_final"):
            state |= {f"{name}.w": 1 + drawn(D), f"{name}.b": drawn(D, seed=4)}

    def normed(values: torch.Tensor, name: str) -> torch.Tensor:
        plain = functional.layer_norm(values, (D,))
        return plain * state[f"{name}.w"] + state[f"{name}.b"] if kind == "LN" else plain

    x = state["embed.W_E"][PAIRS] + state["pos_embed.W_pos"]
    matrices = [state[f"blocks.0.attn.W_{part}"] for part in "QKVO"]
    x = x + attention(normed(x, "blocks.0.ln1"), *matrices, scale=2.0 * D_HEAD**0.5, causal=True)
    hidden = torch.relu(normed(x, "blocks.0.ln2") @ state["blocks.0.mlp.W_in"])
    x = x + hidden @ state["blocks.0.mlp.W_out"]
    expected = normed(x, "ln_final")[:, -1] @ state["unembed.W_U"]
    config = {
        "normalization_type": kind,
        "act_fn": "relu",
        "attention_dir": "causal",
        "attn_scale": 2.0 * D_HEAD**0.5,
    }
    found = import_checkpoint({"model": state, "config": config})
    assert_same_logits(found, expected)
    assert found.run.config.model.norm == "layer"


def test_checkpoints_over_training_and_indices_beside_them(tmp_path):
    """As the grokking demo saves them."""
    states = [hooked(P + 1, 3, P) for _ in range(3)]
    for number, state in enumerate(states):
        state["unembed.W_U"] = state["unembed.W_U"] * (number + 1)
    train = torch.randperm(P * P, generator=torch.Generator().manual_seed(5))[:40]
    content = {
        "model": states[-1],
        "config": {"attention_dir": "bidirectional", "act_fn": "relu"},
        "checkpoints": states,
        "checkpoint_epochs": [0, 100, 200],
        "train_indices": train,
        "test_losses": [1.0, 0.5],
    }
    torch.save(content, tmp_path / "demo.pth")
    found = import_checkpoint(
        tmp_path / "demo.pth", tmp_path / "run", known=Known(loss="cross_entropy")
    )
    run = interp.load(tmp_path / "run")
    assert run.steps == [0, 100, 200]
    assert [m.step for m in run.measurements] == [0, 100, 200]
    np.testing.assert_array_equal(np.flatnonzero(run.dataset.is_train), np.sort(train.numpy()))
    expected = hooked_forward(states[1], equals=True, causal=False)
    torch.testing.assert_close(run.network(100)(PAIRS).detach(), expected, rtol=1e-6, atol=1e-6)
    assert found.assumed == ('"=" as third token: True', "operation x + y")
    assert json.loads((tmp_path / "run/import.json").read_text())["layout"] == "transformer-lens"


class HookedTransformerConfig:
    """Stands for the pickled class, whose module is gone from newer versions."""

    def __init__(self) -> None:
        self.attention_dir, self.act_fn, self.attn_scale = "causal", "gelu", float(D_HEAD**0.5)
        self.dtype = torch.float32


def test_a_pickled_configuration_is_read_as_values_and_not_run(tmp_path, monkeypatch):
    module = "transformer_lens.HookedTransformerConfig"
    monkeypatch.setattr(HookedTransformerConfig, "__module__", module)
    stand_in = type("module", (), {"HookedTransformerConfig": HookedTransformerConfig})
    monkeypatch.setitem(__import__("sys").modules, module, stand_in)
    path = tmp_path / "demo.pth"
    torch.save({"model": hooked(P + 1, 3, P), "config": HookedTransformerConfig()}, path)
    monkeypatch.delitem(__import__("sys").modules, module)
    found = import_checkpoint(path)
    assert found.run.config.model.activation == "gelu"
    assert "attention causal" not in found.assumed


def doshi_transformer(s: float, blocks: int = 1, norm: bool = False) -> dict[str, torch.Tensor]:
    state = {"transformer.wte.weight": drawn(P, D), "transformer.wpe.weight": drawn(2, D)}
    for block in range(blocks):
        start = f"transformer.h.{block}."
        shapes = {
            "attn.to_qkv": (3 * D, D),
            "attn.o": (D, D),
            "mlp.c_fc": (4 * D, D),
            "mlp.c_proj": (D, 4 * D),
        }
        for i, (name, shape) in enumerate(shapes.items()):
            state[f"{start}{name}.weight"] = drawn(*shape, seed=10 * block + i)
        if norm:
            for name in ("ln_1", "ln_2"):
                state |= {f"{start}{name}.weight": 1 + drawn(D), f"{start}{name}.bias": drawn(D)}
    if norm:
        state |= {"transformer.ln_f.weight": 1 + drawn(D), "transformer.ln_f.bias": drawn(D)}
    state["lm_head.weight"] = drawn(P, D, seed=99)
    state["scale"] = torch.tensor([D ** (-(1 + s) / 2)], dtype=torch.float64)
    return state


def doshi_transformer_forward(state: dict[str, torch.Tensor], s: float) -> torch.Tensor:
    def normed(values: torch.Tensor, name: str) -> torch.Tensor:
        if f"{name}.weight" not in state:
            return values
        return functional.layer_norm(values, (D,), state[f"{name}.weight"], state[f"{name}.bias"])

    x = state["transformer.wte.weight"][PAIRS] + state["transformer.wpe.weight"]
    blocks = sum(name.endswith("c_fc.weight") for name in state)
    for block in range(blocks):
        start = f"transformer.h.{block}."
        a = normed(x, f"{start}ln_1")
        q, k, v = (a @ state[f"{start}attn.to_qkv.weight"].T).split(D, dim=2)
        heads = []
        for head in range(HEADS):
            own = slice(head * D_HEAD, (head + 1) * D_HEAD)
            scores = q[..., own] @ k[..., own].transpose(1, 2) / D_HEAD ** ((1 + s) / 2)
            heads.append(scores.softmax(-1) @ v[..., own])
        x = x + torch.cat(heads, dim=-1) @ state[f"{start}attn.o.weight"].T
        hidden = torch.relu(normed(x, f"{start}ln_2") @ state[f"{start}mlp.c_fc.weight"].T)
        x = x + hidden @ state[f"{start}mlp.c_proj.weight"].T
    logits = normed(x, "transformer.ln_f") @ state["lm_head.weight"].T
    return D ** (-(1 + s) / 2) * logits[:, -1]


@pytest.mark.parametrize("s", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("blocks", "norm"), [(1, False), (2, True)])
def test_the_authors_encoder(s, blocks, norm):
    state = doshi_transformer(s, blocks, norm)
    found = import_checkpoint(state, known=Known(model={"n_heads": HEADS}))
    assert found.layout == "doshi-transformer"
    assert_same_logits(found, doshi_transformer_forward(state, s))
    assert found.dropped == ()


@pytest.mark.parametrize(
    "variant", [v for v in VARIANTS if v not in ("tied", "tied, equals, bias")]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_bridge_and_back_is_bit_equal(variant, dtype):
    network = random_transformer(dtype, **VARIANTS[variant])
    found = import_checkpoint(to_bridge(network))
    assert found.layout == "bridge"
    back = found.run.network()
    for name, weight in network.state_dict().items():
        assert torch.equal(back.state_dict()[name], weight), name
    assert torch.equal(back(PAIRS), network(PAIRS))


def test_a_bridge_of_a_tied_network_has_its_logits():
    network = random_transformer(torch.float64, tied=True)
    found = import_checkpoint(to_bridge(network))
    torch.testing.assert_close(found.run.network()(PAIRS), network(PAIRS))


def test_a_bridges_state_dict_needs_hints(tmp_path):
    network = random_transformer(torch.float32, equals_token=True)
    path = tmp_path / "bridge.safetensors"
    safetensors.torch.save_file(dict(to_bridge(network).state_dict()), path)
    found = import_checkpoint(path, known=Known(model={"n_heads": 3, "attention": "bidirectional"}))
    assert torch.equal(found.run.network()(PAIRS), network(PAIRS))
    assert "activation relu" in found.assumed


TRANSFORMER = {"kind": "transformer", "d_model": D, "n_heads": HEADS, "d_mlp": 20}
PLAIN: dict[str, dict[str, Any]] = {
    "two layers": {},
    "batch norm": {"norm": "batch"},
    "layer norm before φ": {"norm": "layer", "norm_at": "pre"},
    "biases": {"bias": True},
    "three layers, norms": {"depth": 3, "norm": "batch", "norm_at": "post", "bias": True},
    "Transformer": {"kind": "transformer", "d_model": D, "n_heads": HEADS, "d_mlp": 20},
    "two blocks, norms": {
        "kind": "transformer",
        "d_model": D,
        "n_heads": HEADS,
        "d_mlp": 20,
        "n_layers": 2,
        "norm": "layer",
        "bias": True,
        "equals_token": True,
    },
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".npz"])
def test_a_plain_state_dict_and_back_is_bit_equal(name, suffix, tmp_path):
    given = {"width": N} if "kind" not in PLAIN[name] else {}
    config = tiny_config(model={**given, **PLAIN[name]})
    network = initial_network(config, config.make_task())
    with torch.no_grad():
        for weight in network.state_dict().values():
            weight.copy_(drawn(*weight.shape).abs() + 0.1)
    path = tmp_path / f"net{suffix}"
    write_state(network, path)
    chosen = ("activation", "norm_at", "attention")
    model = {field: getattr(config.model, field) for field in chosen}
    model["activation"] = config.model.phi
    if config.model.kind == "mlp":
        del model["attention"]
    back = import_checkpoint(path, known=Known(model=model)).run.network()
    assert back.state_dict().keys() == network.state_dict().keys()
    for key, weight in network.state_dict().items():
        assert torch.equal(back.state_dict()[key], weight), key
    assert torch.equal(back(PAIRS), network(PAIRS))


FOLDED: dict[str, dict[str, Any]] = {
    "square, output scale": {"output_scale": 0.3},
    "three layers, biases, output scale": {"depth": 3, "bias": True, "output_scale": 0.3},
    "Transformer, biases, output scale": {**TRANSFORMER, "bias": True, "output_scale": 0.3},
    "Transformer, mup": {**TRANSFORMER, "bias": True, "init": "mup"},
    "Transformer, tied": {**TRANSFORMER, "tied": True},
    "Transformer, doshi, tied": {**TRANSFORMER, "tied": True, "init": "doshi", "exponent": 1},
}


@pytest.mark.parametrize("name", FOLDED)
def test_what_other_code_has_no_field_for_is_in_the_weights(name):
    """A plain state dict computes the same in code without multipliers, scales of scores, ties."""
    given = {"width": N} if "kind" not in FOLDED[name] else {}
    config = tiny_config(model={**given, **FOLDED[name]}, dtype="float64")
    network = initial_network(config, config.make_task())
    with torch.no_grad():
        for weight in network.state_dict().values():
            weight.copy_(drawn(*weight.shape))
    model = {"activation": config.model.phi, "attention": "bidirectional"}
    if config.model.kind == "mlp":
        del model["attention"]
    found = import_checkpoint(plain_state(network), known=Known(model=model)).run.network()
    assert found.model.output_scale == 1
    torch.testing.assert_close(found.double()(PAIRS), network(PAIRS), rtol=1e-5, atol=1e-5)


def test_plain_names_are_those_of_torch_modules():
    """A state dict of three layers loads into nn.Linear and nn.BatchNorm1d, with equal logits."""
    config = tiny_config(model={"width": N, "depth": 3, "norm": "batch", "norm_at": "pre"})
    network = initial_network(config, config.make_task()).double()
    state = plain_state(network)
    parts: list[nn.Module] = []
    for index, (a, b) in enumerate(pairwise([2 * P, N, N, P])):
        layer = nn.Linear(a, b, bias=False).double()
        layer.load_state_dict({"weight": state[f"layers.{index}.weight"]})
        parts.append(layer)
        if index < 2:
            norm = nn.BatchNorm1d(N).double()
            own = {k.rpartition(".")[2]: v for k, v in state.items() if f"norms.{index}." in k}
            norm.load_state_dict({**own, "num_batches_tracked": torch.tensor(0)})
            parts += [norm, nn.ReLU()]
    expected = nn.Sequential(*parts).eval()(ONE_HOT)
    torch.testing.assert_close(network(PAIRS), expected, rtol=1e-10, atol=1e-10)


def test_the_export_command(tmp_path, tiny_folder, capsys):
    out = tmp_path / "net.pth"
    main(["export", str(tiny_folder), str(out)])
    assert "fc1.weight 16×22, fc2.weight 11×16" in capsys.readouterr().out
    assert set(torch.load(out, weights_only=True)) == {"fc1.weight", "fc2.weight"}
    with pytest.raises(SystemExit):
        main(["export", str(tiny_folder), str(tmp_path / "net.txt")])
    assert "expected a name that ends in .safetensors or .pth" in capsys.readouterr().err


def test_an_altered_origin_is_refused(tmp_path):
    import_checkpoint(
        {"fc1.weight": torch.randn(6, 14), "fc2.weight": torch.randn(7, 6)}, tmp_path / "run"
    )
    (tmp_path / "run/import.json").write_text('{"layout": "doshi"}')
    with pytest.raises(ValueError, match="expected what was told at import; altered"):
        interp.load(tmp_path / "run")
