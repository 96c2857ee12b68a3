"""Curves, pruning, heads, embeddings and norm weights of networks beyond the two-layer MLP."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from interp import figures
from interp.analysis.ablation.by_class import prune_by_class
from interp.analysis.ablation.heads import ablate_heads, head_ablation
from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.ablation.ranking import removal_order
from interp.analysis.ablation.tail import Tail
from interp.analysis.neurons.composition import mean_patterns, neuron_curves, neuron_paths
from interp.analysis.neurons.embedding import embedding_table
from interp.analysis.neurons.norm_weights import norm_correlation
from interp.analysis.neurons.read import neuron_table
from interp.cli.app import main
from interp.reporting.report import report
from interp.training.config.sections import ModelConfig
from interp.training.data.dataset import make_dataset
from interp.training.data.splits import SPLITS
from interp.training.evaluation import Evaluation, scores
from interp.training.models.analytic import analytic_network
from interp.training.models.kinds import empty_network
from interp.training.models.mlp import MLP
from interp.training.runs.run import load
from interp.training.runs.subject import as_checkpoint
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import plain_mlp, tiny_config

P = 11
TASK = make_task("x + y", P)
DATA = make_dataset(TASK, 0.6, 0.3)
PAIRS = torch.as_tensor(TASK.pairs)

SMALL = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}
NETWORKS = {
    "MLP, 3 layers": {"width": 9, "depth": 3},
    "MLP, 4 layers, batch norm": {"width": 9, "depth": 4, "norm": "batch"},
    "MLP, 3 layers, norm before φ": {"width": 9, "depth": 3, "norm": "batch", "norm_at": "pre"},
    "Transformer": SMALL,
    "Transformer, =": {**SMALL, "equals_token": True, "bias": True},
    "Transformer, 2 blocks, layer norm": {**SMALL, "n_layers": 2, "norm": "layer"},
    "Transformer, 2 blocks, causal, =": {
        **SMALL,
        "n_layers": 2,
        "attention": "causal",
        "equals_token": True,
    },
    "Transformer, tied": {**SMALL, "tied": True},
    "MLP, 3 layers, output scale": {"width": 9, "depth": 3, "output_scale": 0.4},
    "Transformer, two vocabularies, output scale": {
        **SMALL,
        "vocabulary": "operand",
        "output_scale": 0.4,
        "d_head": 3,
    },
    "Transformer, two vocabularies, 2 blocks, =": {
        **SMALL,
        "vocabulary": "operand",
        "equals_token": True,
        "n_layers": 2,
    },
}


def random_network(name: str):
    """A network with random weights, norms and running statistics, in float64."""
    config = tiny_config(model=NETWORKS[name], dtype="float64")
    network = empty_network(config, TASK)
    random = np.random.default_rng(5)
    with torch.no_grad():
        for key, weight in network.state_dict().items():
            drawn = random.normal(size=tuple(weight.shape))
            weight.copy_(torch.from_numpy(np.abs(drawn) + 0.5 if key.endswith("var") else drawn))
    return network


def layers_of(names=NETWORKS):
    return [(name, layer) for name in names for layer in range(len(random_network(name).layers))]


def constant(value):
    def hook(tensor, hook):
        return value.expand_as(tensor).clone()

    return hook


def linear_hooks(network) -> list:
    """Hooks that make everything between the neurons linear: the maps that curves compose."""
    hooks = []
    patterns = mean_patterns(network)
    for index, pattern in enumerate(patterns):
        hooks.append((f"blocks.{index}.attn.hook_pattern", constant(pattern)))
        hooks.append((f"blocks.{index}.hook_mlp_out", constant(torch.zeros(()).double())))
    for name, _ in network.named_modules():
        if name.endswith("hook_scale"):
            hooks.append((name, constant(torch.ones(()).double())))
    return hooks


def captured(network, name: str, hooks: list) -> torch.Tensor:
    found = []

    def keep(tensor, hook):
        found.append(tensor)

    network.run_with_hooks(PAIRS, fwd_hooks=[*hooks, (name, keep)])
    return found[0]


TRANSFORMERS = [name for name in NETWORKS if name.startswith("Transformer")]


@pytest.mark.parametrize(("name", "layer"), layers_of(TRANSFORMERS))
def test_operand_curves_are_what_a_linear_network_computes(name, layer):
    """With attention and norms held fixed, the pre-activation is U[m] + V[n] + a constant."""
    network = random_network(name)
    pre = captured(network, f"blocks.{layer}.mlp.hook_pre", linear_hooks(network))
    grid = pre[:, -1].reshape(P, P, -1).detach().numpy()
    u, v, _ = neuron_curves(network, layer)
    differences = u.T[:, None] + v.T[None, :]
    expected = differences - differences[:1, :1]
    np.testing.assert_allclose(grid - grid[:1, :1], expected, atol=1e-10)


@pytest.mark.parametrize(("name", "layer"), layers_of(TRANSFORMERS))
def test_answer_curves_are_what_a_linear_network_computes(name, layer):
    """What the last block's stream gains when one neuron of one block fires at the last position.

    Later attention is held at its mean pattern, so the gain passes on through it.
    """
    network = random_network(name)
    hooks = [h for h in linear_hooks(network) if h[0] != f"blocks.{layer}.hook_mlp_out"]
    _, _, w = neuron_curves(network, layer)

    def logits(neuron: int | None) -> np.ndarray:
        fires = torch.zeros(network.width).double()
        if neuron is not None:
            fires[neuron] = 1

        def at_last(post, hook):
            changed = torch.zeros_like(post)
            changed[:, -1] = fires
            return changed

        fired = [*hooks, (f"blocks.{layer}.mlp.hook_post", at_last)]
        return network.run_with_hooks(PAIRS, fwd_hooks=fired).detach().numpy()

    silent = logits(None)
    for neuron in (0, 5):
        gain = logits(neuron) - silent
        np.testing.assert_allclose(gain, np.broadcast_to(w[neuron], gain.shape), atol=1e-10)


@pytest.mark.parametrize("side", ["post", "pre"])
def test_curves_of_a_deep_mlp_are_products_of_its_matrices(side):
    network = random_network("MLP, 4 layers, batch norm" if side == "post" else
                             "MLP, 3 layers, norm before φ")  # fmt: skip
    weights = {k: v.numpy() for k, v in network.state_dict().items()}

    def gain(i: int) -> np.ndarray:
        at = f"blocks.{i}.mlp.norm."
        return weights[at + "w"] / np.sqrt(weights[at + "var"] + 1e-5)

    matrices = [weights[f"blocks.{i}.mlp.W_in"] for i in range(len(network.layers))]
    last = len(matrices) - 1
    rows = matrices[0]
    for i in range(1, last + 1):
        rows = rows @ np.diag(gain(i - 1)) @ matrices[i]
    u, v, w = neuron_curves(network, last)
    np.testing.assert_allclose(u.T, rows[:P], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(v.T, rows[P:], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(w, weights["unembed.W_U"], rtol=1e-12)
    answers = weights["unembed.W_U"]
    for i in range(last, 0, -1):
        answers = matrices[i] @ np.diag(gain(i)) @ answers
    np.testing.assert_allclose(neuron_curves(network, 0)[2], answers, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["Transformer", "Transformer, ="])
def test_paths_add_up_to_the_curves_by_their_attention(name):
    network = random_network(name)
    paths, (pattern,) = neuron_paths(network), mean_patterns(network)
    expected = ["head 0", "head 1"] if "=" in name else ["direct", "head 0", "head 1"]
    assert list(paths) == expected
    u, v, _ = neuron_curves(network)
    heads = [paths["head 0"], paths["head 1"]]
    for operand, curve in enumerate((u, v)):
        own = paths["direct"] if operand == 1 and "direct" in paths else 0
        total = own + sum(float(pattern[h, -1, operand]) * heads[h] for h in range(2))
        np.testing.assert_allclose(curve, total, atol=1e-12)


def test_paths_of_two_vocabularies_are_each_operands():
    network = random_network("Transformer, two vocabularies, output scale")
    paths, (pattern,) = neuron_paths(network), mean_patterns(network)
    names = [f"head {head}, {operand}" for head in (0, 1) for operand in ("first", "second")]
    assert list(paths) == ["direct", *names]
    u, v, _ = neuron_curves(network)
    for place, (operand, curve) in enumerate({"first": u, "second": v}.items()):
        own = paths["direct"] if operand == "second" else 0
        heads = sum(float(pattern[h, -1, place]) * paths[f"head {h}, {operand}"] for h in (0, 1))
        np.testing.assert_allclose(curve, own + heads, atol=1e-12)


def test_curves_of_answers_hold_the_multiplier_of_the_logits():
    """What a neuron adds to the logits: read off the network, one neuron at a time."""
    network = random_network("MLP, 3 layers, output scale")
    _, _, answers = neuron_curves(network, layer=1)
    weights = network.unembed.W_U.detach().numpy()
    np.testing.assert_allclose(answers, 0.4 * weights, rtol=1e-14)
    plain = plain_mlp(TASK, 4)
    scaled = MLP(TASK, ModelConfig(width=4, output_scale=0.4))
    curves = np.random.default_rng(1).normal(size=(3, 4, P))
    for one in (plain, scaled):
        one.double().set_curves(curves)
        np.testing.assert_allclose(neuron_curves(one), curves, rtol=1e-14)
    torch.testing.assert_close(scaled(PAIRS), plain(PAIRS), rtol=1e-12, atol=1e-12)


def test_an_mlp_has_one_path():
    assert neuron_paths(plain_mlp(TASK, 3)) == {}


@pytest.mark.parametrize(("name", "layer"), layers_of())
def test_pruning_curves_are_scores_of_pruned_networks(name, layer):
    """Against pruning the weights and a whole forward pass at each size."""
    network = random_network(name)
    table = neuron_table(network, layer=layer)
    curves = pruning_curve(network, DATA, draws=2, layer=layer)
    summed = network.readout(layer) is not None
    assert curves.method.startswith("one cumulative pass" if summed else "a forward pass")
    assert set(curves.sizes) == set(range(network.width + 1)), "small enough for every size"
    order = removal_order(table.ipr, table.dead, "lowest")
    for size in (0, 1, 4, network.width):
        kept = np.sort(order[size:])
        expected = scores(prune(network, kept, layer), DATA)
        for split in SPLITS:
            curve = curves["IPR", "lowest"]
            assert curve.accuracy[split][size] == pytest.approx(expected[split].accuracy)
            assert curve.loss[split][size] == pytest.approx(expected[split].loss, rel=1e-9)
    assert curves.control is not None
    # All random orders agree where none, and where every neuron is removed.
    for end in (0, -1):
        low, high = curves.control.low.accuracy["all"], curves.control.high.accuracy["all"]
        assert low[end] == high[end] == curves["IPR", "lowest"].accuracy["all"][end]


def test_cross_entropy_curve_of_a_network_with_a_base():
    network = random_network("Transformer")
    curves = pruning_curve(as_checkpoint(network, None, DATA, "cross_entropy"), draws=0)
    nothing = scores(prune(network, np.array([], dtype=np.int64)), DATA, "cross_entropy")
    for split in SPLITS:
        found = curves["IPR", "highest"].loss[split][-1]
        assert found == pytest.approx(nothing[split].loss, rel=1e-9)


def test_default_draws_follow_the_method():
    assert pruning_curve(random_network("Transformer"), DATA).control.draws == 50
    assert pruning_curve(random_network("MLP, 3 layers"), DATA).control.draws == 10


def test_a_grid_of_sizes_has_both_ends():
    network = empty_network(tiny_config(model={"width": 130, "depth": 3}), TASK)
    sizes = pruning_curve(network, DATA, draws=0).sizes
    assert (sizes[0], sizes[-1], len(sizes)) == (0, 130, 51)


@pytest.mark.parametrize(("name", "layer"), layers_of())
def test_pruning_by_class_agrees_with_its_own_network(name, layer):
    network = random_network(name)
    table = neuron_table(network, layer=layer)
    classes = _upper_half(table)
    result = prune_by_class(network, table, classes, DATA, draws=2)
    assert result.after == scores(result.network, DATA)
    evaluation = Evaluation(DATA)
    kept = np.flatnonzero(classes.generalizing)
    by_tail = evaluation(Tail(network, evaluation.pairs, layer)(kept))
    for split in SPLITS:
        assert by_tail[split].loss == pytest.approx(result.after[split].loss, rel=1e-9)


def _upper_half(table):
    from interp.analysis.neurons.classify import classify

    return classify(table, float(np.median(table.ipr)))


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_zero_ablation_is_a_head_that_writes_nothing(name):
    network = random_network(name)
    block = len(network.blocks) - 1
    without = random_network(name)
    with torch.no_grad():
        without.blocks[block].attn.W_O[1] = 0
    assert ablate_heads(network, [(block, 1)], "zero", DATA) == scores(without, DATA)
    assert ablate_heads(network, [], "zero", DATA) == scores(network, DATA)


def test_mean_ablation_replaces_what_a_head_writes_by_its_mean():
    network = random_network("Transformer")
    z = captured(network, "blocks.0.attn.hook_z", [])
    means = z.mean(dim=0)

    def replaced(tensor, hook):
        return torch.stack([tensor[:, :, 0], means[:, 1].expand_as(tensor[:, :, 1])], dim=2)

    hooks = [("blocks.0.attn.hook_z", replaced)]
    expected = Evaluation(DATA)(network.run_with_hooks(PAIRS, fwd_hooks=hooks))
    found = head_ablation(network, "mean", DATA)
    assert list(found.after) == [(0, 0), (0, 1)]
    for split in SPLITS:
        assert found.after[0, 1][split].loss == pytest.approx(expected[split].loss, rel=1e-12)
    assert found.before == scores(network, DATA)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: head_ablation(plain_mlp(TASK, 3), "mean", DATA),
            "heads: expected a Transformer, got an MLP, which has none",
        ),
        (
            lambda: ablate_heads(random_network("Transformer"), [(0, 2)], "mean", DATA),
            "heads: expected (block, head) from (0, 0) to (0, 1), got (0, 2)",
        ),
        (
            lambda: norm_correlation(neuron_table(random_network("Transformer"))),
            "norm weights: expected a layer with a norm on its neurons, got none",
        ),
        (
            lambda: neuron_table(random_network("Transformer"), layer=1),
            "layer: expected a hidden layer from 0 to 0, got 1",
        ),
        (
            lambda: random_network("MLP, 3 layers").set_curves(np.zeros((3, 1, 1))),
            "curves: expected a network of depth 2, got 3",
        ),
    ],
)
def test_what_a_network_does_not_have_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_unknown_ablation_is_refused(monkeypatch):
    import jaxtyping

    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match="how: expected zero or mean, got 'half'"):
        head_ablation(random_network("Transformer"), "half", DATA)


def test_norm_correlation_ranks_ipr_against_the_size_of_the_weight():
    table = neuron_table(analytic_network(TASK, 40))
    ipr = np.linspace(0.1, 0.9, 40)
    curves = np.random.default_rng(2).normal(size=(3, 40, P))
    table = replace(table, curves=curves)
    rank = table.ipr.argsort().argsort()
    rising = replace(table, norm_weight=ipr[rank])
    assert norm_correlation(rising).rho == pytest.approx(1)
    assert norm_correlation(rising).p_value < 1e-10
    assert norm_correlation(replace(table, norm_weight=1 / ipr[rank])).rho == pytest.approx(-1)
    few = replace(table, curves=curves[:, :2], norm_weight=ipr[:2])
    with pytest.raises(ValueError, match="norm weights: expected at least 3 living neurons, got 2"):
        norm_correlation(few)


def test_norm_weight_of_each_neuron_is_in_the_table():
    network = random_network("MLP, 4 layers, batch norm")
    table = neuron_table(network, layer=1)
    expected = network.blocks[1].mlp.norm.w.abs().detach().numpy()
    np.testing.assert_array_equal(table.norm_weight, expected)
    np.testing.assert_array_equal(table.to_pandas()["norm_weight"].to_numpy(), expected)
    assert "hidden layer 1 (of 0 to 2)" in table.caption
    assert neuron_table(random_network("Transformer")).norm_weight is None


def test_embeddings_of_pure_waves_have_ipr_one():
    network = empty_network(tiny_config(model=SMALL), TASK).double()
    residue = np.arange(P)
    with torch.no_grad():
        for d in range(7):  # the eighth dimension stays without power
            wave = np.cos(2 * np.pi * (1 + d % 5) * residue / P + d)
            network.embed.W_E[:, d] = torch.from_numpy(wave)
    table = embedding_table(network)
    np.testing.assert_allclose(table.ipr["embedding W_E"][:7], 1, atol=1e-12)
    assert np.isnan(table.ipr["embedding W_E"][7])
    assert table.mean_ipr == {"embedding W_E": pytest.approx(1), "unembedding W_U": None}
    # Seven waves of equal power at frequencies 1 2 3 4 5 1 2.
    np.testing.assert_allclose(
        table.shares["embedding W_E"], np.array([0, 2, 2, 1, 1, 1]) / 7, atol=1e-12
    )


@pytest.mark.parametrize("equals", [False, True])
def test_embeddings_of_two_vocabularies_are_two(equals):
    """Rows 0 … p−1 are the first operand's, p … 2p−1 the second's, "=" the last."""
    model = {**SMALL, "vocabulary": "operand", "equals_token": equals}
    network = empty_network(tiny_config(model=model), TASK).double()
    wave = np.cos(2 * np.pi * 3 * np.arange(P) / P)
    with torch.no_grad():
        network.embed.W_E[:P] = torch.from_numpy(wave)[:, None]
        network.embed.W_E[P : 2 * P, 0] = 1
        network.embed.W_E[2 * P :] = 100
        network.unembed.W_U[:, 4] = 1
    table = embedding_table(network)
    assert list(table.curves) == ["first operand W_E", "second operand W_E", "unembedding W_U"]
    np.testing.assert_allclose(table.ipr["first operand W_E"], 1, atol=1e-12)
    # A constant has its power at frequency 0 alone; the other dimensions have none.
    second = table.ipr["second operand W_E"]
    assert second[0] == pytest.approx(1)
    assert np.isnan(second[1:]).all()
    # One-hot: the one-sided DFT has equal power at all of its ⌊p/2⌋ + 1 frequencies.
    np.testing.assert_allclose(table.ipr["unembedding W_U"], 1 / 6, atol=1e-12)


def test_embeddings_of_an_mlp_are_its_curves():
    table = embedding_table(analytic_network(TASK, 30))
    assert list(table.curves) == ["first operand U", "second operand V", "answer W"]
    for values in table.ipr.values():
        np.testing.assert_allclose(values, 1, atol=1e-9)
    tied = embedding_table(random_network("Transformer, tied"))
    assert list(tied.curves) == ["embedding W_E"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Run folders of a Transformer, a BatchNorm network and an attention-only one."""
    root = tmp_path_factory.mktemp("networks")
    models = {
        "transformer": SMALL,
        "norm": {"width": 12, "norm": "batch"},
        "attention": {**SMALL, "d_mlp": 0},
    }
    for name, model in models.items():
        train(tiny_config(model=model), root / name)
    return root


def run_json(capsys, *arguments):
    capsys.readouterr()
    main([*map(str, arguments), "--json"])
    return json.loads(capsys.readouterr().out)


def test_commands_read_every_network(folders, capsys):
    found = run_json(capsys, "heads", folders / "transformer", "--how", "zero")
    expected = head_ablation(load(folders / "transformer"), "zero")
    assert found["without"]["0.1"] == expected.after[0, 1].to_dict()
    assert found["before"] == expected.before.to_dict()
    main(["heads", str(folders / "transformer")])
    assert "head 0.1" in capsys.readouterr().out
    found = run_json(capsys, "ipr", folders / "norm", "--threshold", "0.3")
    table = neuron_table(load(folders / "norm"))
    assert found["norm_weight"] == pytest.approx(table.norm_weight.tolist())
    correlation = norm_correlation(table)
    assert found["norm_weight_spearman"]["rho"] == pytest.approx(correlation.rho)
    spectrum = run_json(capsys, "spectrum", folders / "attention")["share_of_power"]
    assert set(spectrum) == {"embedding W_E", "unembedding W_U"}


@pytest.mark.parametrize("command", ["ipr", "prune"])
def test_a_layer_that_is_not_there_is_one_line(folders, capsys, command):
    with pytest.raises(SystemExit) as stopped:
        main([command, str(folders / "transformer"), "--layer", "3"])
    assert stopped.value.code == 2
    message = "interp: layer: expected a hidden layer from 0 to 0, got 3\n"
    assert capsys.readouterr().err == message


@pytest.mark.parametrize(
    ("name", "sections"),
    [
        # Neurons by frequency stand in place of embeddings whose spectrum is flat.
        ("transformer", {"ipr", "pruning", "heads", "frequencies"}),
        ("norm", {"ipr", "pruning", "norm", "frequencies"}),
        ("attention", {"heads", "embedding", "training"}),
    ],
)
def test_report_shows_what_a_network_has(folders, name, sections):
    text = report(folders / name, threshold=0.3, draws=2).read_text()
    shown = set(re.findall(r'id="figure-(\w+)"', text))
    assert sections <= shown
    assert len(shown & {"embedding", "frequencies"}) == 1
    assert ("heads" in shown) == (name != "norm")
    assert ('"norm_weight":' in text) == (name == "norm")
    assert ("ipr" in shown) == (name != "attention")


def test_figures_of_heads_and_norms(folders):
    result = head_ablation(load(folders / "transformer"))
    figure = figures.head_ablation(result, "tiny")
    bars = {trace.name: trace.y for trace in figure.data}
    np.testing.assert_allclose(
        bars["test"], [scores["test"].accuracy for scores in result.after.values()], rtol=1e-6
    )
    table = neuron_table(load(folders / "norm"))
    scatter = figures.norm_weights(table, _upper_half(table))
    points = np.concatenate([np.c_[t.x, t.y] for t in scatter.data])
    assert len(points) == 12
    np.testing.assert_allclose(np.sort(points[:, 1]), np.sort(table.norm_weight), rtol=1e-6)
    assert "Spearman" in scatter.layout.title.subtitle.text


def test_the_card_warns_of_reduced_precision(tmp_path):
    for precision, word in (("highest", None), ("high", "TF32"), ("medium", "bfloat16")):
        train(tiny_config(precision=precision, steps=2), tmp_path / precision)
        text = (tmp_path / precision / "README.md").read_text()
        assert ("Reduced precision" in text) == (word is not None)
        assert word is None or word in text
    assert torch.get_float32_matmul_precision() == "highest", "left as it was"


def test_draws_reach_the_pruning_curves(folders, tmp_path):
    figure = tmp_path / "pruning.html"
    folder = str(folders / "transformer")
    main(["prune", folder, "--threshold", "0.3", "--draws", "7", "--figure", str(figure)])
    assert "7 random orders" in figure.read_text()
    assert "7 random orders" in report(folders / "transformer", threshold=0.3, draws=7).read_text()
