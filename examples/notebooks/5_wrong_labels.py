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
# # 5 · Who finds the wrong labels?
#
# Scores from the literature claim to find mislabelled or memorized examples. Here the wrong
# labels are known, so each score can be judged: AUROC (½ is chance) and precision among the k
# most suspected, beside controls.

# %% tags=["install"]
# In Colab, or wherever the toolkit is not installed yet. Elsewhere it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("interp") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "interp"], check=True)

# %% tags=["parameters"]
p, width, steps = 47, 200, 500

# %%
import interp

config = interp.RunConfig(
    task={"operation": "x + y", "p": p},
    data={"fraction": 0.65, "corruption": 0.2},
    model={"width": width},
    optimizer={"lr": 0.01, "weight_decay": 0},
    steps=steps,
)
run = interp.train(config)
print(interp.phase(run).name)
found = interp.measures["detection"](run)
found.to_pandas()

# %%
found.plot()

# %% [markdown]
# The loss after a few steps ranks wrong labels *below* right ones: they are fitted first. The
# loss at the end ranks almost perfectly. Pruning adds a decision, and the right answer:

# %%
pairs = interp.measures["pairs"](run)
wrong = pairs.where(wrong=True)
wrong.head()  # a DataFrame: wrong.to_csv("wrong_labels.csv")

# %% [markdown]
# **Where the network only memorized**, nothing that reads its behaviour can tell. Less data, and
# the same scores:

# %%
memorized = interp.train(config.replace("data.fraction", 0.3))
print(interp.phase(memorized).name)
interp.measures["detection"](memorized).to_pandas()

# %% [markdown]
# What is told the group (the G-net, the vote of the labels) still finds them, without help from
# what was learned.
#
# Next: [groups](6_groups.ipynb)
