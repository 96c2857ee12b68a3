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
# # 6 · Groups
#
# Residues under + are one finite group of many. In any other the Fourier blocks are irreducible
# representations, and the IPR is that of the shares of power in them. Does pruning by IPR find
# the memory there too?

# %% tags=["install"]
# In Colab, or wherever the toolkit is not installed yet. Elsewhere it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("interp") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "interp"], check=True)

# %% tags=["parameters"]
groups = {"D30": 0.7, "A5": 0.8}  # name: α
width, steps = 500, 600

# %%
import pandas as pd

import interp

runs = {
    name: interp.train(
        interp.RunConfig(
            task={"group": name, "operation": "x * y"},
            data={"fraction": fraction, "corruption": 0.2},
            model={"width": width},
            optimizer={"lr": 0.01, "weight_decay": 1},
            steps=steps,
        )
    )
    for name, fraction in groups.items()
}
for name, run in runs.items():
    print(name, interp.phase(run).name, interp.neuron_table(run).caption)

# %% [markdown]
# Power of the embeddings in each irrep:

# %%
first = next(iter(runs))
interp.figures.embedding_spectrum(interp.embedding_table(runs[first]))

# %%
table = interp.neuron_table(runs[first])
interp.figures.ipr_histogram(table, interp.classify(table, "auto"))

# %% [markdown]
# Prune below the two-class cut, beside as many neurons by weight norm and at random:

# %%
rows = {}
for name, run in runs.items():
    values = interp.measures["pruning_at_threshold"](run).values()
    for network in ("before", "after", "weight norm", "random"):
        rows[name, network] = {
            split: values[f"{network}.{split}_accuracy"] for split in ("test", "corrupted", "all")
        }
pd.DataFrame(rows).T.rename_axis(["group", "pruned"]).round(3)

# %% [markdown]
# Dihedral groups repeat the paper. In A5 neurons of high IPR hold wrong labels too: pruning by
# IPR beats chance there, and does not separate. The guide's page on groups has nine of them,
# three seeds each.
