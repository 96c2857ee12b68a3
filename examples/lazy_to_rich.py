"""Lazy to rich: f = κ (net − net₀), loss ∕ κ², which Adam cancels: its rate is divided by κ.

python examples/lazy_to_rich.py 47 600 10 0.2 [undivided]   # p 47, 600 steps, κ 10, ξ .2
"""

import sys

import torch

import interp
from interp.training.evaluation import Evaluation
from interp.training.models.kinds import initial_network
from interp.training.runs.run import Run
from interp.training.trainer.loop import dataset_of


def train(config, kappa, divided=True):
    """A run in memory, untrained and trained; the first tenth step with test accuracy ≥ .9."""
    network, dataset, first = initial_network(config, config.make_task()), dataset_of(config), None
    score, shown = Evaluation(dataset), torch.as_tensor(dataset.is_train)
    labels, born = torch.eye(config.task.p)[score.labels[0]], network.logits(score.pairs).detach()
    weights = {0: {name: one.detach().numpy().copy() for name, one in network.named_parameters()}}
    adam = torch.optim.Adam(network.parameters(), 0.01 / (kappa if divided else 1), (0.9, 0.98))
    for step in range(config.steps):
        f = kappa * (network.logits(score.pairs) - born)
        if first is None and step % 10 == 0 and score(f)["test"].accuracy >= 0.9:
            first = step
        adam.zero_grad()
        ((f - labels)[shown].square().mean() / kappa**2).backward()
        adam.step()
    weights[config.steps] = {name: one.detach().numpy() for name, one in network.named_parameters()}
    return Run(config, dataset, (), weights), first


if __name__ == "__main__":
    (p, steps), (kappa, noise) = map(int, sys.argv[1:3]), map(float, sys.argv[3:5])
    data = {"fraction": 0.6, "corruption": noise}
    config = interp.RunConfig(task={"p": p}, data=data, model={"width": 200}, steps=steps)
    run, first = train(config, kappa, "undivided" not in sys.argv)
    print(f"test accuracy ≥ .9 first at step {first};", interp.measures["tangent_kernel"](run))
