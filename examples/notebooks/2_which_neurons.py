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
# # 2 · Which neurons? IPR, pruning, controls
#
# A neuron that computes the rule is periodic; one that stores examples is not. The inverse
# participation ratio (IPR) of its Fourier spectrum says which: 1 for a pure cosine, near 2/p for
# noise. Prune the neurons of low IPR, and what was memorized is gone. Beside each number stands
# its control: as many neurons drawn at random.

# %% tags=["install"]
# In Colab, or wherever the toolkit is not installed yet. Elsewhere it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("interp") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "interp"], check=True)

# %% tags=["parameters"]
p, width, steps, draws = 97, 500, 1000, 50

# %%
import pandas as pd

import interp

run = interp.train(
    interp.RunConfig(
        task={"operation": "x + y", "p": p},
        data={"fraction": 0.5, "corruption": 0.35},
        model={"width": width},
        optimizer={"lr": 0.01, "weight_decay": 0},
        steps=steps,
    )
)
table = interp.neuron_table(run)  # one row a neuron
table

# %%
classes = interp.classify(table, "auto")
interp.figures.ipr_histogram(table, classes)

# %% [markdown]
# Two groups with a gap between them; the dotted line is what curves of Gaussian noise have. The
# threshold is the cut with the least variance inside two classes. Any other threshold inside the
# empty gap gives the same classes. One neuron of each group:

# %%
generalizing = int(classes.generalizing.nonzero()[0][0])
interp.figures.neuron_curves(table, generalizing)

# %%
memorizing = int(classes.memorizing.nonzero()[0][0])
interp.figures.neuron_curves(table, memorizing)

# %% [markdown]
# ## Prune, and look again
#
# Nothing is retrained.

# %%
pruned = interp.prune(run.network(), keep=classes.generalizing)
before, after = (interp.scores(network, run.dataset) for network in (run.network(), pruned))
pd.DataFrame(
    {
        "before": {split: score.accuracy for split, score in before.items()},
        "after": {split: score.accuracy for split, score in after.items()},
    }
)

# %% [markdown]
# Every number of pruned neurons, from the lowest and from the highest IPR, with a band of random
# orders:

# %%
curves = interp.pruning_curve(run, draws=draws)
interp.figures.pruning_curves(curves)

# %% [markdown]
# **What the paper did not show.** The weight norm ranks these neurons as well as the IPR does
# (thin lines). The norm is easily fooled: weights into a neuron times 3 and out of it divided by
# 9 change nothing about the network, and pruning by weight norm then takes the rule. `decoys`
# does just that:

# %%
decoys = interp.measures["decoys"](run).to_pandas()
decoys.pivot(
    index="ranking", columns="network", values=["test_accuracy", "corrupted_accuracy"]
).round(3)

# %% [markdown]
# Next: [the same for a network of your own](3_your_own_network.ipynb)
