"""Anybody's module as a network, against its own forward and against the network it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import interp
from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.neurons.additive import ablation_effects, additive_part, pre_activations
from interp.analysis.neurons.read import neuron_table
from interp.training.data.dataset import make_dataset
from interp.training.data.splits import SPLITS
from interp.training.evaluation import scores
from interp.training.models.adapt import adapt
from interp.training.models.adapted import Adapted
from interp.training.models.mlp import MLP
from interp.training.models.module.apart import operands_apart
from interp.training.tasks.task import make_task

from .conftest import plain_mlp
from .own_modules import Attention, Embedded, PaperMLP, TwoTables, phi_of

P = 11
TASK = make_task("x + y", P)
PAIRS = torch.as_tensor(TASK.pairs)
DATASET = make_dataset(TASK, 0.6, 0.3)


def seeded(make: Any, **options: Any) -> nn.Module:
    """A module with Gaussian weights of its own seed, and statistics that are not 0 and 1."""
    module: nn.Module = make(**options)
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(0.6 * torch.randn(tensor.shape, generator=random).abs() + 0.05)
        for weight in module.parameters():
            weight.mul_(torch.randn(weight.shape, generator=random).sign())
    return module.eval()


def tokens(pairs: Tensor) -> Tensor:
    return torch.cat([pairs, torch.full((len(pairs), 1), P)], dim=1)


CASES: dict[str, tuple[nn.Module, Any, Any]] = {
    "ReLU, embeddings multiplied": (seeded(Embedded), "fc1", "pairs"),
    "GELU": (seeded(Embedded, phi="gelu"), "fc1", "tokens"),
    "tanh": (seeded(Embedded, phi="tanh"), ["fc1"], "pairs"),
    "a φ of several functions": (seeded(Embedded, phi="own gelu"), "fc1", "pairs"),
    "φ(0) = 1": (seeded(Embedded, phi="cos"), "fc1", "pairs"),
    "a norm after φ": (seeded(Embedded, norm=True), "fc1", "pairs"),
    "three layers": (seeded(Embedded, phi="tanh", deep=True), ("fc1", "act"), "pairs"),
    "the paper's": (seeded(PaperMLP), "fc1", "pairs"),
    "the paper's, φ a module": (seeded(PaperMLP, as_module=True), "act", "pairs"),
    "two tables": (seeded(TwoTables), "pre", "two"),
    "Transformer": (seeded(Attention), "blocks.0.up", "tokens"),
    "two blocks": (seeded(Attention, blocks=2), ("blocks.0.up", "blocks.1.up"), "tokens"),
}
every_case = pytest.mark.parametrize("case", CASES)


def adapted(case: str) -> Adapted:
    module, neurons, inputs = CASES[case]
    return adapt(module, TASK, neurons, inputs)


def own_logits(case: str, pairs: Tensor = PAIRS) -> Tensor:
    """What the module itself gives."""
    module, _, inputs = CASES[case]
    given = {"tokens": tokens(pairs), "pairs": pairs}.get(inputs)
    output: Tensor = module(*pairs.T) if given is None else module(given)
    return output[:, :P] if output.ndim == 2 else output[:, -1, :P]


@every_case
def test_logits_are_the_modules_own(case):
    network = adapted(case)
    assert torch.equal(network(PAIRS), own_logits(case))
    some = PAIRS[torch.tensor([7, 50, 3])]
    assert torch.equal(network.logits(some), own_logits(case, some))
    assert own_logits(case).std() > 0.1, "the module answers something"


def test_what_is_left_out_is_said():
    assert adapted("Transformer").told == (
        "logits read at the last of 3 positions",
        "the first 11 of 12 outputs read",
        "neurons of blocks.0.up read at position 2",
    )
    assert adapted("two blocks").told[2] == (
        "neurons of blocks.0.up matter at several positions; read at the last"
    )
    assert adapted("GELU").told == ()


def test_the_module_stays_as_it_was():
    module = Embedded(norm=True)
    before = deepcopy(module.state_dict())
    network = adapt(module, TASK, "fc1")
    prune(network, np.arange(3))
    neuron_table(network)
    assert module.training
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in module.modules())
    inside = [part for name, part in network.module.named_modules()]
    assert all(not part._forward_hooks and not part._forward_pre_hooks for part in inside)
    assert module.state_dict().keys() == before.keys()
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())
    assert module.act.name == network.module.act.name == "relu", "parts with names keep them"
    assert torch.equal(network(PAIRS), module.eval()(PAIRS)), "it is evaluated"


# The activations of each hidden layer, and the logits from them, written out by hand.


def by_hand(case: str, layer: int, keep: np.ndarray) -> Tensor:
    """Logits when the activations of the other neurons are zero."""
    module: Any = CASES[case][0]
    mask = torch.as_tensor(keep)
    if case.startswith("the paper's"):
        u, v = module.fc1.weight.split(P, dim=1)
        h = (u[:, PAIRS[:, 0]] + v[:, PAIRS[:, 1]]).T ** 2
        return (h * mask) @ module.fc2.weight.T
    x = module.embed.weight[PAIRS].reshape(len(PAIRS), -1)
    h = phi_of(module.phi, x @ module.fc1.weight.T + module.fc1.bias)
    if isinstance(module.norm, nn.BatchNorm1d):
        norm = module.norm
        h = (h - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        h = h * norm.weight + norm.bias
    h = h * mask if layer == 0 else h
    if isinstance(module.fc2, nn.Linear):
        h = phi_of(module.phi, h @ module.fc2.weight.T + module.fc2.bias)
        h = h * mask if layer == 1 else h
    return h @ module.head.weight.T + module.head.bias


@pytest.mark.parametrize(
    ("case", "layer"),
    [
        ("GELU", 0),
        ("a φ of several functions", 0),
        ("φ(0) = 1", 0),
        ("a norm after φ", 0),
        ("three layers", 0),
        ("three layers", 1),
        ("the paper's", 0),
        ("the paper's, φ a module", 0),
    ],
)
def test_a_pruned_neurons_activation_is_zero(case, layer):
    """Also where φ(0) is not, and where φ is a function that no module holds."""
    network, keep = adapted(case), np.arange(12) % 3 > 0
    pruned = prune(network, keep, layer)
    expected = by_hand(case, layer, keep)
    torch.testing.assert_close(pruned(PAIRS), expected, rtol=1e-5, atol=1e-5)
    assert (network(PAIRS) - expected).abs().max() > 0.01, "the neurons matter"
    assert torch.equal(network(PAIRS), own_logits(case)), "the network itself stays"
    dead = neuron_table(pruned, layer=layer).dead
    np.testing.assert_array_equal(dead, ~keep)
    readout = pruned.readout(layer)
    if readout is not None:
        np.testing.assert_array_equal((readout != 0).any(dim=1), keep)


def native_of(module: Any) -> MLP:
    """The project's own network with the weights of the paper's MLP in torch's layout."""
    network = plain_mlp(TASK, 12).double()
    first, second = np.split(module.fc1.weight.detach().double().numpy(), 2, axis=1)
    network.set_curves(np.stack([first, second, module.fc2.weight.detach().double().numpy().T]))
    return network


@pytest.mark.parametrize("case", ["the paper's", "the paper's, φ a module"])
def test_the_papers_network_is_measured_as_the_native_one(case):
    ours, native = adapted(case), native_of(CASES[case][0])
    table, expected = neuron_table(ours), neuron_table(native)
    np.testing.assert_allclose(table.curves, expected.curves, rtol=0, atol=1e-12)
    np.testing.assert_allclose(table.ipr, expected.ipr, rtol=0, atol=1e-12)
    assert expected.norms.mean() > 0.5
    np.testing.assert_allclose(table.origin.additive, 1, rtol=0, atol=1e-12)
    assert table.values()["additive_share"] == pytest.approx(1, abs=1e-12)
    assert "additive share 1.000 (operands apart), answers by readout" in table.caption
    found, other = pruning_curve(ours, DATASET, draws=2), pruning_curve(native, DATASET, draws=2)
    assert found.method == other.method == "one cumulative pass for each order, in float64"
    # Which φ a module has is not known, so that its invariant norm is with d = 1, as the note says.
    np.testing.assert_allclose(
        table.invariant_norm, np.hypot(*expected.norms[:2]) * expected.norms[2], rtol=1e-9
    )
    assert (found.note, other.note) == ("invariant norm with d = 1, as φ is not known", "")
    alike = {order: curve for order, curve in other.curves.items() if order[0] != "invariant norm"}
    assert len(alike) == 4
    for order, curve in alike.items():
        for split in SPLITS:
            np.testing.assert_array_equal(
                found.curves[order].accuracy[split], curve.accuracy[split]
            )
            np.testing.assert_allclose(
                found.curves[order].loss[split], curve.loss[split], rtol=1e-9, atol=1e-9
            )
    assert len(np.unique(other["IPR", "lowest"].accuracy["train"])) > 3


def test_scores_are_the_modules():
    """In float64, though the module's code makes float32 of its one-hot operands."""
    found = scores(adapted("the paper's"), DATASET)
    expected = scores(native_of(CASES["the paper's"][0]), DATASET)
    assert found["test"].accuracy == expected["test"].accuracy
    assert found["test"].loss == pytest.approx(expected["test"].loss, rel=1e-12)


def anova_share(values: np.ndarray) -> float:
    """R² of a regression on one indicator for each first and each second operand."""
    p = len(values)
    first, second = np.divmod(np.arange(p * p), p)
    design = np.concatenate([np.eye(p)[first], np.eye(p)[second]], axis=1)
    flat = values.ravel()
    fitted = design @ np.linalg.lstsq(design, flat, rcond=None)[0]
    return 1 - ((flat - fitted) ** 2).sum() / ((flat - flat.mean()) ** 2).sum()


def test_the_additive_part_is_the_analysis_of_variance():
    module: Any = CASES["three layers"][0]
    network = adapted("three layers")
    x = module.embed.weight[PAIRS].reshape(len(PAIRS), -1)
    h = torch.tanh(x @ module.fc1.weight.T + module.fc1.bias)
    second = (h @ module.fc2.weight.T + module.fc2.bias).detach().double().numpy()
    expected = [anova_share(one.reshape(P, P)) for one in second.T]
    table = neuron_table(network, layer=1)
    np.testing.assert_allclose(table.origin.additive, expected, rtol=0, atol=1e-6)
    assert 0.1 < table.origin.additive.max() < 0.999
    assert table.to_pandas()["additive_share"].tolist() == table.origin.additive.tolist()
    assert table.values()["additive_share"] == pytest.approx(np.mean(expected), abs=1e-6)
    share = f"additive share {np.mean(expected):.3f} (around the mean)"
    assert f"hidden layer 1 (of 0 to 1) · {share}, answers by readout" in table.caption
    rows = second.reshape(P, P, -1)
    np.testing.assert_allclose(
        table.curves[0].T, rows.mean(1) - rows.mean((0, 1)), rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(
        table.curves[1].T, rows.mean(0) - rows.mean((0, 1)), rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(neuron_table(network).origin.additive, 1, rtol=0, atol=1e-6)


def test_a_product_has_no_additive_part():
    """Cosines of a product of operands' cosines: nothing of it is a sum."""
    angle = 2 * np.pi * np.arange(P) / P
    values = torch.as_tensor(np.outer(np.cos(angle), np.cos(2 * angle)))[:, :, None]
    first, second, share = additive_part(values)
    assert max(first.abs().max(), second.abs().max(), share.max()) < 1e-12
    assert additive_part(torch.full((P, P, 1), 3.0))[2].isnan().all(), "it does not vary"


def test_two_tables_are_told_apart_by_what_reads_them():
    """Of a sum of two tables only the averages of the curves cannot be told."""
    network = adapted("two tables")
    module: Any = CASES["two tables"][0]
    table = neuron_table(network)
    for found, own in zip(table.curves, (module.first, module.second), strict=False):
        expected = own.weight.detach().double().numpy()
        np.testing.assert_allclose(found.T, expected - expected.mean(0), rtol=0, atol=1e-12)
    assert "(around the mean)" in table.caption


def test_one_hot_operands_are_asked_one_at_a_time():
    """A module without a linear layer: what it makes of one operand alone is found so."""

    class Raw(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.randn(2 * P, 12, generator=random))
            self.pre, self.out = nn.Identity(), nn.Parameter(torch.randn(12, P, generator=random))

        def forward(self, hot: Tensor) -> Tensor:
            return self.pre(hot @ self.table + 0.5).relu() @ self.out

    random = torch.Generator().manual_seed(1)
    module = Raw().double()
    network = adapt(module, TASK, "pre", "one-hot")
    found = operands_apart(network, 0, pre_activations(network, 0))
    torch.testing.assert_close(torch.cat(found), module.table.detach(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        np.concatenate(neuron_table(network).curves[:2], axis=1).T, module.table.detach()
    )


def test_answers_are_the_readout_where_the_logits_are_a_sum():
    module: Any = CASES["a norm after φ"][0]
    table = neuron_table(adapted("a norm after φ"))
    expected = module.head.weight.detach().double().numpy().T
    np.testing.assert_allclose(table.curves[2], expected, rtol=0, atol=1e-10)
    module = CASES["Transformer"][0]
    block = module.blocks[0]
    expected = (module.head.weight @ block.down.weight).detach().double().numpy()[:P].T
    network = adapted("Transformer")
    np.testing.assert_allclose(neuron_table(network).curves[2], expected, rtol=0, atol=1e-6)
    assert adapted("three layers").readout(0) is None
    assert adapted("two blocks").readout(0) is None
    assert adapted("two blocks").readout(1) is not None


def test_answers_are_an_ablation_elsewhere():
    network, module = adapted("three layers"), CASES["three layers"][0]
    x = module.embed.weight[PAIRS].reshape(len(PAIRS), -1).double()
    h = torch.tanh(x @ module.fc1.weight.T.double() + module.fc1.bias.double())

    def after(h: Tensor) -> Tensor:
        deep = torch.tanh(h @ module.fc2.weight.T.double() + module.fc2.bias.double())
        return deep @ module.head.weight.T.double()

    table = neuron_table(network)
    for neuron in (0, 7):
        without = h.clone()
        without[:, neuron] = 0
        change = (after(h) - after(without)).detach().numpy()
        active = h[:, neuron].detach().numpy()[:, None]
        slope = np.linalg.lstsq(active, change, rcond=None)[0][0]
        np.testing.assert_allclose(table.curves[2, neuron], slope, rtol=0, atol=1e-6)
    assert "answers by ablation" in table.caption
    one = adapted("GELU").double()
    torch.testing.assert_close(ablation_effects(one, 0), one.readout(0), rtol=0, atol=1e-9)


def test_a_tail_that_is_no_sum_is_run_number_by_number():
    network = adapted("three layers")
    found = pruning_curve(network, DATASET, draws=0, orders=[("IPR", "lowest")])
    assert found.method.startswith("a forward pass for each number on a grid")
    order = np.argsort(neuron_table(network).ipr, kind="stable")
    for size in (3, 9):
        pruned = prune(network, order[size:])
        expected = scores(pruned, DATASET)["train"]
        place = list(found.sizes).index(size)
        curve = found["IPR", "lowest"]
        assert curve.accuracy["train"][place] == expected.accuracy
        assert curve.loss["train"][place] == pytest.approx(expected.loss, rel=1e-5)


def test_the_module_may_be_trained_on_between():
    """Nothing is remembered of weights that have changed."""
    network = adapted("GELU")
    before = network.readout(0)
    with torch.no_grad():
        network.module.head.weight.mul_(2)
    torch.testing.assert_close(network.readout(0), 2 * before)


@pytest.mark.parametrize("inputs", ["one-hot", "two", "function", "by name", "path"])
def test_ways_from_pairs_to_arguments(inputs):
    random = torch.Generator().manual_seed(2)

    class Way(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2 * P, 12)
            self.head = nn.Linear(12, P)
            with torch.no_grad():
                for weight in self.parameters():
                    weight.copy_(torch.randn(weight.shape, generator=random))

        def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
            if y is not None:
                x = torch.eye(P)[torch.stack([x, y], dim=1)].flatten(1)
            return self.head(self.fc(x).relu())

    module = Way()
    ways: dict[str, Any] = {
        "function": lambda pairs: (pairs[:, 0], pairs[:, 1]),
        "by name": lambda pairs: {"y": pairs[:, 1], "x": pairs[:, 0]},
        "path": "tests.own_modules:operands",
    }
    network = adapt(module, TASK, "fc", ways.get(inputs, inputs))
    hot = torch.zeros(len(PAIRS), 2 * P)
    hot[torch.arange(len(PAIRS)), PAIRS[:, 0]] = 1
    hot[torch.arange(len(PAIRS)), P + PAIRS[:, 1]] = 1
    assert torch.equal(network(PAIRS), module(hot))
    names = {"function": "function", "by name": "function", "path": ways["path"]}
    assert network.model.inputs == names.get(inputs, inputs)
    assert network.model.width == 12


def test_weights_may_come_as_a_state_dict():
    state = seeded(Embedded).state_dict()
    network = adapt("tests.own_modules:small", TASK, "fc1", state=state, arguments={"width": 12})
    assert torch.equal(network(PAIRS), own_logits("ReLU, embeddings multiplied"))
    assert network.model.module == "tests.own_modules:small"
    assert network.model.arguments == {"width": 12}
    assert network.model.summary == "small, N = 12"
    assert interp.adapt is adapt
    assert adapt(Embedded, TASK, "fc1").model.module == "tests.own_modules:Embedded"


def test_passes_of_several_threads_do_not_meet():
    """As the explorer's, which measures in the background."""
    network, expected = adapted("GELU"), own_logits("GELU")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(network.logits, [PAIRS] * 40))
    assert all(torch.equal(one, expected) for one in found)


def refused(message: str, kind: type[Exception] = ValueError) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(message)}")


class Summed(nn.Module):
    """Embeddings added, a layer, perhaps a norm, and φ: a module, or a function of torch's."""

    def __init__(self, phi: Callable[[Tensor], Tensor], width: int = 12, norm: bool = False):
        super().__init__()
        self.embed, self.fc1 = nn.Embedding(P, 8), nn.Linear(8, width)
        self.norm = nn.BatchNorm1d(width) if norm else nn.Identity()
        self.phi, self.fc2 = phi, nn.Linear(width, P)

    def forward(self, pairs: Tensor) -> Tensor:
        return self.fc2(self.phi(self.norm(self.fc1(self.embed(pairs).sum(1)))))


class Statement(Summed):
    """Overwrites its pre-activations, and goes on with them by their own name."""

    def forward(self, pairs: Tensor) -> Tensor:
        h = self.fc1(self.embed(pairs).sum(1))
        self.phi(h)
        return self.fc2(h)


@pytest.mark.parametrize("neurons", ["fc1", "phi"])
@pytest.mark.parametrize("make", [Summed, Statement])
def test_a_module_may_overwrite_its_own_values(make, neurons):
    """The curves are of the pre-activations, of which ReLU leaves nothing where it stands."""
    module: Any = seeded(make, phi=nn.ReLU(inplace=True))
    network = adapt(module, TASK, neurons)
    pre = module.fc1(module.embed(PAIRS).sum(1)).detach()
    pure = module.fc2(pre.relu())
    torch.testing.assert_close(network(PAIRS), pure)
    torch.testing.assert_close(pre_activations(network, 0).reshape(len(PAIRS), -1), pre)
    torch.testing.assert_close(network.post(PAIRS, 0), pre.relu())
    table = neuron_table(network)
    np.testing.assert_allclose(table.origin.additive, 1, rtol=0, atol=1e-9)
    grid = pre.reshape(P, P, -1).mean(1)
    np.testing.assert_allclose(table.curves[0].T, grid - grid.mean(0), rtol=0, atol=1e-5)
    np.testing.assert_allclose(table.curves[2].T, module.fc2.weight.detach(), rtol=0, atol=1e-6)
    keep = torch.arange(12) % 3 > 0
    pruned = prune(network, keep.numpy())
    torch.testing.assert_close(pruned(PAIRS), module.fc2(pre.relu() * keep))
    assert (pruned(PAIRS) - pure).abs().max() > 0.01, "the neurons matter"
    network(PAIRS)[:, 3].sum().backward()
    own = module.fc2(module.fc1(module.embed(PAIRS).sum(1)).relu())
    (slope,) = torch.autograd.grad(own[:, 3].sum(), [module.fc1.bias])
    torch.testing.assert_close(network.module.fc1.bias.grad, slope)


def test_values_overwritten_by_another_name_are_refused():
    class Alias(Summed):
        def forward(self, pairs: Tensor) -> Tensor:
            h = self.fc1(self.embed(pairs).sum(1))
            named = self.norm(h)
            h.relu_()
            return self.fc2(named)

    with refused(
        "neurons: expected values of norm that the module has one name for, got one that it "
        "overwrites by another name"
    ):
        adapt(Alias(F.relu), TASK, "norm")
    assert adapt(Alias(F.relu), TASK, "fc1").layers[0].place.value == 1


PHI: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "relu behind 1": lambda h: F.relu(h - 1),
    "clamp": lambda h: h.clamp(0, 1),
    "relu6": F.relu6,
    "relu, squared": lambda h: F.relu(h) ** 2,
    "softshrink": F.softshrink,
    "hardtanh": F.hardtanh,
    "sigmoid": torch.sigmoid,
    "abs": torch.abs,
}


@pytest.mark.parametrize("width", [24, 512])
@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("phi", PHI)
def test_an_activation_that_kills_neurons_is_found(phi, norm, width):
    module: Any = seeded(Summed, phi=PHI[phi], width=width, norm=norm)
    network = adapt(module, TASK, "fc1")
    expected = PHI[phi](module.norm(module.fc1(module.embed(PAIRS).sum(1))))
    assert torch.equal(network.post(PAIRS, 0), expected)
    torch.testing.assert_close(network.readout(0), module.fc2.weight.T, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("module", "neurons"),
    [
        (Embedded(deep=True), ["fc2", "fc1"]),
        (Embedded(deep=True), ["act", "fc1"]),
        (Embedded(), ["fc1", "fc1"]),
        (Summed(nn.ReLU()), ["fc1", "phi"]),
    ],
)
def test_layers_are_named_in_order_and_once(module, neurons):
    with refused(
        "neurons: expected the layers first to last, each once, in the order in which they run, "
        f"got {', '.join(neurons)}"
    ):
        adapt(module, TASK, neurons)


@pytest.mark.parametrize("neurons", [None, 3, ["fc1", 3], {"fc1": 1}])
def test_neurons_are_named_by_text(neurons, unchecked):
    message = "neurons: expected the path of a submodule or several, got "
    with refused(message + type(neurons).__name__, TypeError):
        adapt(Embedded(), TASK, neurons)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_are_finite(value):
    module = Embedded()
    with torch.no_grad():
        module.head.weight[3, 2] = value
    message = "head.weight: expected finite numbers, got NaN or infinity"
    with refused(f"module: {message}"):
        adapt(module, TASK, "fc1")
    with refused(f"state: {message}"):
        adapt(Embedded(), TASK, "fc1", state=module.state_dict())
    good = Embedded().state_dict()
    assert torch.equal(
        adapt(module, TASK, "fc1", state=good).module.head.weight, good["head.weight"]
    )


def test_weights_are_real_and_logits_finite():
    state = Embedded().state_dict()
    with refused("state: fc1.bias: expected real numbers, got torch.complex64"):
        adapt(Embedded(), TASK, "fc1", state={**state, "fc1.bias": state["fc1.bias"] + 1j})
    turned = Embedded()
    turned.turn = nn.Parameter(torch.ones(2, dtype=torch.complex64))
    with refused("module: expected weights of float32 or float64, got complex64") as found:
        adapt(turned, TASK, "fc1")
    assert "module.float()" not in str(found.value), "which would leave out half of them"
    module = Embedded(norm=True)
    module.norm.running_mean[2] = float("nan")
    with refused("module: expected finite logits, got NaN or infinity"):
        adapt(module, TASK, "fc1")


def test_a_mask_may_be_infinite():
    module = Embedded()
    module.register_buffer("mask", torch.full((3, 3), -float("inf")).triu(1))
    assert adapt(module, TASK, "fc1").width == 12
