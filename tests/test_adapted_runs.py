"""Adapted modules as runs, in folders and reports; and what is refused of a module."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import interp
from interp.analysis.ablation.prune import prune
from interp.analysis.measures import MEASURES
from interp.analysis.neurons.output_plane import output_rows
from interp.analysis.neurons.read import neuron_table
from interp.cli.app import main
from interp.exchange.of_networks import network_run
from interp.exchange.plain import plain_state
from interp.reporting.report import report
from interp.training.config.run_config import parse_config
from interp.training.data.dataset import make_dataset
from interp.training.evaluation import scores
from interp.training.models.adapt import adapt
from interp.training.runs.made import write_pruned
from interp.training.runs.origin import Pruned
from interp.training.runs.run import Run, load
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train

from .conftest import plain_mlp, tiny_config
from .own_modules import Attention, Embedded, unannotated

P = 11
TASK = make_task("x + y", P)
PAIRS = torch.as_tensor(TASK.pairs)
DATASET = make_dataset(TASK, 0.6, 0.3)
PATH = "tests.own_modules:small"


def refused(message: str, kind: type[Exception] = ValueError) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(message)}")


def weights(seed: int) -> dict[str, Tensor]:
    """Weights for ``small``, of a seed."""
    random = torch.Generator().manual_seed(seed)
    shapes = Embedded().state_dict()
    return {name: torch.randn(one.shape, generator=random) for name, one in shapes.items()}


def small(seed: int) -> Any:
    return adapt(PATH, TASK, "fc1", state=weights(seed))


@pytest.fixture()
def run(tmp_path) -> Run:
    """Two steps of one module, in a folder that names it."""
    networks = {20: small(2), 10: small(1)}
    return network_run(networks, DATASET, tmp_path / "run", loss="cross_entropy")


def test_a_folder_that_names_the_module_is_read_as_any_other(run):
    found = load(run.path)
    assert found.steps == [10, 20]
    assert found.config.model.module == PATH
    assert found.config.model.neurons_at == ("fc1",)
    for step, seed in ((10, 1), (20, 2)):
        assert torch.equal(found.network(step)(PAIRS), small(seed)(PAIRS))
    expected = scores(small(2), DATASET, "cross_entropy")
    assert found.measurement().scores.to_dict() == expected.to_dict()
    assert (found.config.loss, found.config.steps, found.dataset.task) == (
        *("cross_entropy", 20),
        TASK,
    )
    assert found.config.data.fraction == pytest.approx(0.6, abs=0.01)
    history = interp.history(found, "neurons")
    tables = [neuron_table(small(seed)) for seed in (1, 2)]
    assert [row["mean_ipr"] for row in history.rows] == [one.mean_ipr for one in tables]
    # Weights that were drawn answer 1 in 11: nothing is memorized, and nothing ever was.
    assert interp.phase(found).name == "confusion"


def test_a_live_module_is_needed_again(tmp_path):
    module = Attention()
    network = adapt(module, TASK, "blocks.0.up", "tokens")
    made = network_run(network, DATASET, tmp_path / "run")
    assert torch.equal(made.network()(PAIRS), network(PAIRS)), "this one remembers it"
    found = load(tmp_path / "run")
    message = (
        "model.module: the folder does not name the module's code: needs module=, the module or "
        "its import path, as interp.load(path, module=...) takes"
    )
    with refused(message):
        found.network()
    other = Attention()
    for given in (other, network, "tests.own_modules:Attention", Attention):
        again = load(tmp_path / "run", module=given).network()
        assert torch.equal(again(PAIRS), network(PAIRS))
    with refused("memory: tensor module.blocks.1.down.bias is missing", ValueError):
        Run(made.config, DATASET, (), made.weights, module=Attention(blocks=2)).network()
    with refused("model.width: expected the 14 neurons of 'blocks.0.up', got 12"):
        load(tmp_path / "run", module=Attention(width=14)).network()


def test_inputs_of_ones_own_are_needed_again(tmp_path):
    def reversed_pairs(pairs: Tensor) -> Tensor:
        return pairs.flip(1)

    network = adapt(PATH, TASK, "fc1", reversed_pairs)
    network_run(network, DATASET, tmp_path / "run")
    message = (
        "model.inputs: a function of pairs that has no import path is needed again; give module= "
        "the network that interp.adapt made with it"
    )
    with refused(message):
        load(tmp_path / "run").network()
    found = load(tmp_path / "run", module=network).network()
    assert torch.equal(found(PAIRS), network.module(PAIRS.flip(1)))


def test_a_run_in_memory(tmp_path):
    network = adapt(Embedded(), TASK, "fc1")
    run = network_run(network, DATASET)
    assert run.steps == [1]
    assert torch.equal(run.network()(PAIRS), network(PAIRS))
    native = plain_mlp(TASK, 6).double()
    native.set_curves(np.random.default_rng(0).normal(size=(3, 6, P)))
    assert torch.equal(network_run({3: native}, DATASET).network(3)(PAIRS), native(PAIRS))


def test_a_pruned_network_is_saved_and_read(run, tmp_path):
    keep = np.arange(12) < 5
    pruned = prune(run, keep)
    about = Pruned(run.name, 20, 0, 5, 12, 0.5, "by hand")
    write_pruned(tmp_path / "pruned", run, pruned, scores(pruned, DATASET), about)
    found = load(tmp_path / "pruned").network()
    assert torch.equal(found(PAIRS), pruned(PAIRS))
    assert not torch.equal(found(PAIRS), run.network()(PAIRS))
    np.testing.assert_array_equal(neuron_table(found).dead, ~keep)
    with refused("export: expected an adapted module with all its neurons, got a pruned one"):
        plain_state(found)
    assert plain_state(run.network()).keys() == weights(0).keys()


@pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning")
def test_report_and_commands(run, capsys):
    page = report(run.path, draws=2).read_text()
    assert "additive share 1.000 (operands apart), answers by readout" in page
    assert "Fourier spectrum of the embeddings" not in page
    assert "Attention heads" not in page
    for text in (page, (run.path / "README.md").read_text()):
        assert "imported, layout adapted; assumed: nothing" in text
        assert "Recognized: small, N = 12." in text
        assert "learning rate" not in text.split("Configuration")[0]
    main(["ipr", str(run.path), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["mean_ipr"] == pytest.approx(neuron_table(run).mean_ipr)
    with pytest.raises(SystemExit):
        main(["spectrum", str(run.path)])
    assert "embeddings: not defined for a network of class Adapted" in capsys.readouterr().err


def test_what_a_module_has_not_is_refused_in_one_line(run, unchecked):
    network = run.network()
    with refused("measure heads: expected a Transformer, got an adapted module, which has no"):
        MEASURES["heads"](run)
    with refused("measure embeddings: embeddings: not defined for a network of class Adapted"):
        MEASURES["embeddings"](run)
    with refused("embeddings: not defined for a network of class Adapted"):
        interp.embedding_table(run)
    with refused("measure norms: expected a network with a norm on its neurons, got none"):
        MEASURES["norms"](run)
    with refused("to_bridge: expected a Transformer, got a network of class Adapted"):
        interp.to_bridge(network)
    np.testing.assert_array_equal(output_rows(network), network.readout(0).double().numpy().T)
    deep = adapt(LastIsNoSum(), TASK, "fc")
    message = "answers: expected logits that are a sum over weights, an adapted module has none"
    with refused(message):
        output_rows(deep)
    with refused("model.kind: an adapted module is not trained here"):
        network.logits(PAIRS, noise=object())


def test_it_is_not_trained(tmp_path, unchecked):
    model = {"kind": "adapted", "module": PATH, "neurons_at": ["fc1"], "width": 12}
    config = tiny_config(model=model)
    with refused("model.kind: expected a kind that is trained here, got 'adapted', which brings"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with refused("model.neurons_at: expected the name of a submodule, got none"):
        parse_config({"model": {"kind": "adapted", "module": PATH}})
    with refused(
        "model.inputs: expected pairs, tokens, one-hot, two or a function's 'module:name', got"
    ):
        parse_config({"model": {**model, "inputs": "one hot"}})
    with refused("module: expected none for kind mlp, which is made here"):
        Run(tiny_config(), DATASET, (), {1: {}}, module=Embedded()).network()


def test_a_folder_does_not_call_what_makes_no_module(tmp_path):
    """A folder comes from anybody: a name in it is called only if it makes modules."""
    network = small(1)
    for path in ("os:system", "subprocess:call", "tests.own_modules:unannotated"):
        made = network_run(network, DATASET, tmp_path / path.replace(":", "-"))
        place = made.path / "config.json"
        place.write_text(place.read_text().replace(PATH, path))
        message = (
            "model.module: expected a class of torch.nn.Module, or a function that says it returns "
            f"one (-> nn.Module), got {path!r}"
        )
        with refused(message):
            load(made.path).network()
    assert adapt(unannotated, TASK, "fc1").model.module == "", "called here, not from a folder"
    with refused("model.module: expected an import path such as package.module:name, got 'a:b'"):
        adapt("a:b", TASK, "fc1")


class LastIsNoSum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.fc, self.head = nn.Embedding(P, 8), nn.Linear(16, 12), nn.Linear(12, P)

    def forward(self, pairs: Tensor) -> Tensor:
        return self.head(self.fc(self.embed(pairs).flatten(1)).relu()).log_softmax(-1)


class Faulty(nn.Module):
    """A small module with one fault, by name."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault
        self.embed, self.fc = nn.Embedding(P, 8), nn.Linear(16, 12)
        self.both = nn.Sequential(nn.Linear(16, 12), nn.ReLU())
        self.unused, self.aside, self.head = nn.Linear(3, 3), nn.Linear(16, 5), nn.Linear(12, P)
        self.act, self.strange, self.turned = nn.Tanh(), Strange(), nn.Identity()
        self.twice = Twice()

    def forward(self, pairs: Tensor) -> Any:
        x = self.twice(self.turned(self.embed(pairs).flatten(1).T).T)[0]
        self.aside(x)
        h = self.act(self.both(x) + self.act(self.fc(x)))
        logits = self.head(h + self.strange(h).sum())
        if self.fault == "noise":
            logits = F.dropout(logits, 0.5)
        elif self.fault == "batch":
            logits = logits + torch.arange(len(pairs))[:, None]
        elif self.fault == "tuple":
            return logits, None
        elif self.fault == "few":
            return logits[:, :7]
        elif self.fault == "sum":
            return logits.sum(0)
        elif self.fault == "index":
            return self.embed(pairs + 1)
        elif self.fault == "float32" and x.dtype == torch.float64:
            raise RuntimeError("only float32 here")
        return logits


class Twice(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


class Strange(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sort(dim=-1)[0]


NEITHER = (
    "which is neither; name a part of it, or give the module an nn.Identity() at the pre-activation"
)
TWICE = "to be called once a pass, got twice; name the linear layer before it"
OTHERS = (
    "module: expected the same logits for a pair whatever it is run with, got others; dropout that "
    "stays on, or statistics of the batch?"
)
IMPORTED = "module: expected a torch module, what makes one or its import path, got int 3"
FORMS = (
    "inputs: expected pairs, tokens, one-hot, two, a function of pairs or its 'module:name', got"
)


@pytest.mark.parametrize(
    ("fault", "neurons", "message"),
    [
        (
            "",
            "turned",
            "neurons: expected 'turned' to give (7, neuron) or (7, position, neuron) for",
        ),
        ("", "twice", "neurons: expected 'twice' to give a tensor, got tuple"),
        ("", "fc2", "neurons: expected a submodule (embed, fc, both, both.0, both.1, unused, "),
        (
            "",
            "both",
            "neurons: expected a linear layer or an activation, got Sequential 'both', " + NEITHER,
        ),
        ("", "strange", "neurons: expected a linear layer or an activation, got Strange "),
        ("", "embed", "neurons: expected a linear layer or an activation, got Embedding 'embed'"),
        ("", "unused", "neurons: 'unused' is not called when the module runs"),
        ("", "aside", "neurons: the logits do not depend on 'aside'"),
        ("", "act", "neurons: expected 'act' " + TWICE),
        ("", (), "neurons: expected the name of a submodule, got none"),
        ("noise", "fc", OTHERS),
        ("batch", "fc", OTHERS),
        ("tuple", "fc", "module: expected a tensor of logits, got tuple"),
        ("few", "fc", "module: expected logits of shape (7, 11) or (7, position, 11), got torch."),
        ("sum", "fc", "module: expected logits of shape (7, 11) or (7, position, 11), got torch."),
        ("index", "fc", "module: cannot be run on inputs 'pairs': IndexError: index out of range"),
    ],
)
def test_modules_that_do_not_fit(fault, neurons, message):
    with refused(message):
        adapt(Faulty(fault), TASK, neurons)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"module": 3}, TypeError, IMPORTED),
        ({"module": lambda: 3}, TypeError, "module: expected a torch module to be made, got int 3"),
        ({"task": 3}, TypeError, "expected a task, such as interp.make_task('x + y', 97), got int"),
        ({"module": nn.Identity()}, ValueError, "module: expected one with parameters, got none"),
        (
            {"module": Embedded().half()},
            ValueError,
            "module: expected weights of float32 or float64, got float16; see module.float()",
        ),
        (
            {"module": Embedded, "arguments": {"depth": 3}},
            ValueError,
            "module: cannot be made with arguments {'depth': 3} (",
        ),
        (
            {"arguments": {"p": {1, 2}}},
            ValueError,
            "arguments: expected plain numbers and words (",
        ),
        ({"state": {"fc1.weight": torch.zeros(2)}}, ValueError, "state: Error(s) in loading state"),
        (
            {"inputs": "triples"},
            ValueError,
            FORMS,
        ),
        (
            {"inputs": "one-hot"},
            ValueError,
            "module: cannot be run on inputs 'one-hot': RuntimeError: Expected tensor for argument",
        ),
        ({"inputs": "nowhere:none"}, ValueError, "model.inputs: expected an import path such as"),
    ],
)
def test_arguments_that_do_not_fit(changes, kind, message, unchecked):
    given = {"module": Embedded(), "task": TASK, "neurons": "fc1", **changes}
    with refused(message, kind):
        adapt(**given)


def test_a_module_that_cannot_be_copied():
    module = Embedded()
    module.last = module.fc1.weight * 2  # what a forward pass left behind
    with refused("module: expected one that can be copied, Embedded cannot (Only Tensors"):
        adapt(module, TASK, "fc1")


def test_a_module_that_is_another_one_later():
    network = adapt(Embedded(phi="own gelu"), TASK, "fc1")
    network.module.phi = "tanh"
    message = "the module computes something else than it did when it was adapted"
    with refused(f"neurons: after 'fc1' {message}"):
        network(PAIRS)
    network.module.forward = lambda pairs: torch.zeros(len(pairs), P)
    with refused("neurons: 'fc1' is not called when the module runs"):
        network(PAIRS)


def test_a_module_that_computes_in_float32_only():
    module = Faulty("float32")
    network = adapt(module, TASK, "fc")
    found = scores(network, DATASET)
    logits = module(PAIRS).detach().double()
    target = torch.as_tensor(np.eye(P)[DATASET.given_label])
    train = torch.as_tensor(DATASET.is_train)
    assert found["train"].loss == pytest.approx(float((logits - target)[train].square().mean()))
    assert neuron_table(network).mean_ipr is not None


def test_what_makes_no_run(tmp_path, unchecked):
    network = adapt(Embedded(), TASK, "fc1")
    with refused("networks: expected at least one, got none"):
        network_run({}, DATASET)
    with refused("networks: expected a network for step 1, got int 3", TypeError):
        network_run(3, DATASET)
    with refused("dataset: expected one of x + y mod 11, got one of x - y mod 11"):
        network_run(network, make_dataset(make_task("x - y", P), 0.5))
    with refused("networks: expected one kind of network at every step, got several"):
        network_run({1: network, 2: small(1)}, DATASET)
    (tmp_path / "notes.txt").write_text("mine")
    with refused(f"{tmp_path}: expected a new or empty folder, it has contents"):
        network_run(network, DATASET, tmp_path)


def test_a_table_with_fewer_answers_than_operands(tmp_path):
    task = make_task((np.add.outer(np.arange(P), np.arange(P)) % 5).tolist())
    module = Embedded()
    module.head = nn.Linear(12, 5)
    network = adapt(module, task, "fc1")
    table = neuron_table(network)
    np.testing.assert_allclose(table.curves[2].T, module.head.weight.detach().double(), atol=1e-9)
    made = network_run(network, make_dataset(task, 0.5), tmp_path / "run")
    assert torch.equal(load(made.path, module=network).network()(PAIRS), module(PAIRS))
    with refused(f"dataset: expected one of {task.name}, got one of x + y mod 11"):
        network_run(network, DATASET)
