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
# # 4 · Neurons or frequencies, and the null
#
# Where pruning neurons fails, filtering *frequencies* still finds the rule: keep the strongest
# frequency of each neuron (the G-net of Liu and Lu, [arXiv
# 2605.18022](https://arxiv.org/abs/2605.18022)), and test accuracy is 1. Does that show a hidden
# circuit? This notebook asks the same of a network that learned no feature at all.

# %% tags=["install"]
# In Colab, or wherever the toolkit is not installed yet. Elsewhere it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("interp") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "interp"], check=True)

# %% tags=["parameters"]
p, width, steps = 47, 200, 500
corruptions = [0.2, 0.5, 0.7]

# %%
import pandas as pd

import interp

config = interp.RunConfig(
    task={"operation": "x + y", "p": p},
    data={"fraction": 0.65, "corruption": 0.2},
    model={"width": width},
    optimizer={"lr": 0.01, "weight_decay": 0},
    steps=steps,
)
runs = interp.train_many([config.replace("data.corruption", ξ) for ξ in corruptions])
for run in runs:
    print(run.config.data.corruption, interp.phase(run).name)

# %%
found = {ξ: interp.measures["filtration"](run) for ξ, run in zip(corruptions, runs, strict=True)}
found[corruptions[0]].plot()

# %% [markdown]
# One line a network, test accuracy alone. *lazy* is a network of the same width whose features
# are random and frozen, with a ridge read-out: it learned no feature. *label vote* needs no
# network: the most frequent label among the training pairs that share an answer.

# %%
columns = {ξ: result.to_pandas().set_index("what")["test_accuracy"] for ξ, result in found.items()}
pd.DataFrame(columns).rename_axis(columns="ξ").round(3)

# %% [markdown]
# **Verdict: holds, and so does its null.** A frequency filter is told the group, keeps functions
# of x + y alone, and so averages the labels of all training pairs with one answer. That denoises
# any network. Whether *this* network has learned the rule is what pruning its neurons asks, or
# the restricted score that is fitted to held-out pairs:

# %%
columns = {}
for ξ, run in zip(corruptions, runs, strict=True):
    progress = interp.measures["progress"](run).to_pandas()
    rows = ["whole", "restricted", "restricted_lookup", "held_out", "held_out_lookup"]
    columns[ξ] = progress.loc[rows].set_index("what")["test_accuracy"]
pd.DataFrame(columns).rename_axis(columns="ξ").round(3)

# %% [markdown]
# Next: [who finds the wrong labels?](5_wrong_labels.ipynb)
