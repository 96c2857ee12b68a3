"""One contract for every kind of network; what each architecture computes is in test_networks.

A kind is tested at a small size made of its own row, so that a new row is tested by itself. The
one that is defined here stands for a user's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformer_lens import HookedRootModule

from interp.analysis.ablation.prune import prune
from interp.analysis.neurons.composition import neuron_curves, neuron_paths
from interp.analysis.neurons.embedding import embedding_table
from interp.exchange.plain import plain_state
from interp.explorer.listing import settings
from interp.training.config.kinds import KIND_FIELDS, KINDS, KindRow
from interp.training.config.options import option_fields
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.config.sections import ModelConfig
from interp.training.evaluation import scores
from interp.training.models.blocks import Block, Unembed, check_operands
from interp.training.models.kinds import empty_network, initial_network
from interp.training.models.layers.hidden import HiddenLayer
from interp.training.models.layers.lookup import sum_of_rows
from interp.training.models.network import Network
from interp.training.runs.run import load
from interp.training.sweep.plan.cost import step_work
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train, train_many
from tests.conftest import tiny_config

TASK = make_task("x + y", 11)
PAIRS = torch.as_tensor(TASK.pairs)


class Shared(HookedRootModule):
    """φ of the sum of two embeddings from one table: it cannot tell the operands apart."""

    def __init__(self, task: Any, model: ModelConfig) -> None:
        super().__init__()
        self.task, self.model = task, model
        layer = HiddenLayer(task.p, model.width, 0, "none", model)
        self.blocks = nn.ModuleList([Block(layer)])
        self.unembed = Unembed(model.width, task.p, False)
        self.heads: list[tuple[int, int]] = []
        self.setup()

    @property
    def layers(self):
        return [self.blocks[0].mlp]

    @property
    def width(self):
        return self.model.width

    @property
    def read_out(self):
        return self.unembed.W_U

    def forward(self, pairs):
        check_operands(pairs, self.task.p)
        return self.logits(pairs)

    def post(self, pairs, noise=None):
        return self.layers[0](sum_of_rows(self.layers[0].W_in, pairs), noise)

    def logits(self, pairs, noise=None):
        return self.unembed(self.post(pairs, noise))

    def tail(self, pairs, layer):
        return self.post(pairs), self.unembed.biased

    def read_by(self, layer):
        return self.unembed.W_U

    def readout(self, layer):
        return self.unembed.W_U


def shared_weights(network, init, random):
    for name, weight in network.named_parameters():
        yield name, 0.3 * random.normal(size=tuple(weight.shape))


SHARED = KindRow(
    name="shared",
    noun="a network of one table",
    network=Shared,
    draw=shared_weights,
    fields=("width",),
    neurons="width",
    width="width",
    inits=("normal",),
    activation=lambda model: "square",
    initialization=lambda model: "normal",
    parts=lambda model: ["one table", f"N = {model.width}"],
    step_work=lambda model, p: model.width * p,
)
OWN_KINDS = list(KINDS)
every_kind = pytest.mark.parametrize("kind", [*OWN_KINDS, "shared"])


@pytest.fixture(autouse=True)
def with_an_own_one(for_a_while):
    KINDS.add("shared", SHARED, "tests")


def config_of(kind: str, **changes: object) -> RunConfig:
    """A small network of the kind, all widths 12."""
    row = KINDS[kind]
    model = {"kind": kind, row.width: 12, row.neurons: 12}
    return tiny_config(model=model, dtype="float64", **changes)


def random_network(kind: str) -> Network:
    network = empty_network(config_of(kind), TASK)
    random = np.random.default_rng(3)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.copy_(torch.as_tensor(random.normal(size=tuple(tensor.shape))) / 2)
    return network


def same(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


@every_kind
def test_a_network_does_what_the_protocol_asks(kind):
    network = random_network(kind)
    assert isinstance(network, Network)
    assert network.task == TASK
    assert network.model.kind == kind
    assert network.width == 12 == network.model.neurons
    for layer, one in enumerate(network.layers):
        assert isinstance(one, HiddenLayer)
        assert one.index == layer
        assert network.read_by(layer).shape[0] == network.width
    assert network.read_out.shape[-1] == 11
    for block, head in network.heads:
        name = f"blocks.{block}.attn.hook_z"
        assert network.run_with_cache(PAIRS)[1][name].shape[-2] > head


def test_not_everything_is_a_network():
    assert not isinstance(nn.Linear(2, 11), Network)


@every_kind
def test_logits_are_those_of_forward(kind):
    network = random_network(kind)
    logits = network(PAIRS)
    assert logits.shape == (121, 11)
    same(network.logits(PAIRS), logits)
    with pytest.raises(IndexError, match="pairs: expected operands from 0 to 10, got "):
        network(torch.tensor([[0, 11]]))


@every_kind
def test_neurons_are_seen_changed_and_summed(kind):
    network = random_network(kind)
    logits, cache = network.run_with_cache(PAIRS)
    for layer in range(len(network.layers)):
        at = f"blocks.{layer}.mlp.hook_post"
        assert cache[at].shape[-1] == network.width
        post, finish = network.tail(PAIRS, layer)
        written = post @ network.read_by(layer)
        same(finish(written), logits)
        readout = network.readout(layer)
        if readout is not None:
            alone = finish(written) - finish(torch.zeros_like(written))
            same(alone, post.reshape(121, -1) @ readout)


@every_kind
def test_pruned_weights_are_an_ablation_by_hook(kind):
    network = random_network(kind)
    keep = np.arange(12) % 3 > 0
    for layer in range(len(network.layers)):
        hook = (
            f"blocks.{layer}.mlp.hook_post",
            lambda values, hook: values * torch.as_tensor(keep),
        )
        expected = network.run_with_hooks(PAIRS, fwd_hooks=[hook])
        assert (expected - network(PAIRS)).abs().max() > 1e-3, "the neurons matter"
        same(prune(network, keep, layer)(PAIRS), expected)


@every_kind
def test_initial_weights_are_the_seeds(kind):
    one, again, other = (
        initial_network(config_of(kind, seeds={"weights": seed}), TASK).state_dict()
        for seed in (1, 1, 2)
    )
    for name, tensor in one.items():
        assert torch.equal(tensor, again[name])
        assert torch.equal(tensor, other[name]) == (".W_" not in name), name


@every_kind
def test_a_run_folder_gives_the_network_back(kind, tmp_path):
    run = train(config_of(kind), tmp_path / "run")
    found = load(tmp_path / "run")
    same(found.network()(PAIRS), run.network()(PAIRS))
    score = scores(found.network(), found.dataset)["train"]
    assert score.loss == pytest.approx(run.measurement().scores["train"].loss, rel=1e-9)
    assert score.loss < run.measurement(0).scores["train"].loss
    shown = settings(found.config)
    assert shown["width"] == 12
    assert shown["model"] == found.config.model.summary
    state = plain_state(found.network())
    assert sum(one.numel() for one in state.values()) == sum(
        one.numel() for one in found.network().parameters()
    )


@every_kind
def test_runs_that_train_together_come_out_as_alone(kind):
    configs = [config_of(kind, seed=seed) for seed in (0, 1)]
    for config, found in zip(configs, train_many(configs, run_axis=True), strict=True):
        alone = train(config).network().state_dict()
        for name, tensor in found.network().state_dict().items():
            torch.testing.assert_close(tensor, alone[name], rtol=1e-8, atol=1e-10)


@every_kind
def test_a_wider_network_is_more_work(kind):
    row = KINDS[kind]
    wide = tiny_config(model={"kind": kind, row.width: 24, row.neurons: 24})
    assert 0 < step_work(config_of(kind)) < step_work(wide)


@every_kind
def test_the_row_fits_the_configuration(kind):
    row, model = KINDS[kind], config_of(kind).model
    assert row.name == kind
    assert {row.neurons, row.width} <= set(row.fields) <= set(KIND_FIELDS)
    assert set(KIND_FIELDS) <= ModelConfig.model_fields.keys()
    assert not set(row.fields) & set(row.foreign)
    assert model.initialization in row.inits
    assert model.summary.startswith(row.parts(model)[0])
    for init in row.inits:
        initial_network(tiny_config(model={"kind": kind, "init": init, row.width: 12}), TASK)


@every_kind
def test_fields_of_other_kinds_are_refused(kind):
    for name in KINDS[kind].foreign:
        default = ModelConfig.model_fields[name].default
        other = {"bidirectional": "causal", "shared": "operand"}.get(default, 0) or (
            default or 0
        ) + 1
        if isinstance(default, bool | float):
            other = not default if isinstance(default, bool) else 0.5
        message = rf"^model\.{name}: expected no value for kind {kind}, got "
        with pytest.raises(ValueError, match=message):
            parse_config({"model": {"kind": kind, name: other}})


def test_unknown_words_are_refused_with_the_nearest():
    message = r"^model\.kind: expected mlp, transformer or shared, got 'MLP'; nearest is mlp$"
    with pytest.raises(ValueError, match=message):
        parse_config({"model": {"kind": "MLP"}})
    message = r"^model\.init: expected auto, normal for kind shared, got 'paper'$"
    with pytest.raises(ValueError, match=message):
        parse_config({"model": {"kind": "shared", "init": "paper"}})


def test_help_lists_the_rows():
    told = {path: description for path, description, _ in option_fields()}
    assert told["model.kind"].endswith("(mlp, transformer, shared)")
    assert told["model.activation"].endswith(
        "(square, relu, gelu, gelu_tanh, silu, tanh, cube, quartic, identity)"
    )
    assert told["loss"].endswith("(mse, cross_entropy)")
    inits = "(auto, paper, he, lazy, transformer_lens, mup, doshi, normal)"
    assert told["model.init"].endswith(inits)


def test_what_is_not_defined_for_a_kind_is_refused():
    network = random_network("shared")
    with pytest.raises(ValueError, match=r"^curves: not defined for a network of class Shared$"):
        neuron_curves(network)
    with pytest.raises(
        ValueError, match=r"^embeddings: not defined for a network of class Shared$"
    ):
        embedding_table(network)
    assert neuron_paths(network) == {}
