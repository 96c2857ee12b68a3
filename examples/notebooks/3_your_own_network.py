# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3 · Bring your own network
#
# Any `torch.nn.Module` that answers pairs: its logits stay its own, and the submodule that you
# name holds the neurons. Here a plain module is trained by a plain loop, and then read by the
# same measures as everything else.

# %% tags=["install"]
# In Colab, or wherever the toolkit is not installed yet. Elsewhere it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("interp") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "interp"], check=True)

# %% tags=["parameters"]
p, width, steps = 31, 256, 1500

# %%
import torch

import interp

task = interp.make_task("x + y", p)
data = interp.make_dataset(task, 0.9, 0.1)  # α, ξ

torch.manual_seed(0)
module = torch.nn.Sequential(
    torch.nn.Linear(2 * p, width, bias=False),
    torch.nn.ReLU(),
    torch.nn.Linear(width, p, bias=False),
)


def inputs(pairs):
    one_hot = torch.nn.functional.one_hot(pairs, p)
    return one_hot.flatten(1).float()


# %%
pairs = torch.as_tensor(data.pairs[data.is_train])
labels = torch.as_tensor(data.given_label[data.is_train])
optimizer = torch.optim.AdamW(module.parameters(), lr=0.01, weight_decay=3.0)
for _ in range(steps):
    loss = torch.nn.functional.cross_entropy(module(inputs(pairs)), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
loss.item()

# %%
network = interp.adapt(module, task, neurons="1", inputs="one-hot")
run = interp.exchange.network_run(network, data, loss="cross_entropy")
{name: score.accuracy for name, score in interp.scores(network, data).items()}

# %% [markdown]
# The table says how much of a neuron's pre-activation is additive in the two operands, which is
# the part that the curves describe, and where the answers' curve comes from.

# %%
table = interp.neuron_table(network)
print(table.caption)
interp.figures.ipr_histogram(table)

# %%
interp.figures.pruning_curves(interp.pruning_curve(run, draws=10))

# %% [markdown]
# **The control for a network that you did not train here** is the same module untrained: its IPRs
# are those of noise.

# %%
fresh = torch.nn.Sequential(
    torch.nn.Linear(2 * p, width, bias=False),
    torch.nn.ReLU(),
    torch.nn.Linear(width, p, bias=False),
)
untrained = interp.neuron_table(interp.adapt(fresh, task, neurons="1", inputs="one-hot"))
{
    "trained": table.mean_ipr,
    "untrained": untrained.mean_ipr,
    "Gaussian null": interp.null_ipr(p).mean,
}

# %% [markdown]
# A checkpoint in a file needs no code at all: `interp import FILE` recognizes the layouts of some
# twenty code bases, and says what it recognized and what it assumed.
#
# Next: [neurons or frequencies?](4_neurons_or_frequencies.ipynb)
