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
# # 1 · Memorize and generalize at once
#
# A network is trained on x + y mod p with a share ξ of wrong labels. It can learn the rule *and*
# memorize the wrong labels (Doshi et al. 2024, [arXiv
# 2310.13061](https://arxiv.org/abs/2310.13061)). This notebook trains one, looks at its curves,
# and asks what weight decay does to the memory. Half a minute.

# %% tags=["install"]
# In Colab, or wherever the toolkit is not installed yet. Elsewhere it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("interp") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "interp"], check=True)

# %% tags=["parameters"]
p, width, steps = 47, 200, 500
seeds = [0, 1, 2]

# %%
import pandas as pd

import interp

config = interp.RunConfig(
    task={"operation": "x + y", "p": p},
    data={"fraction": 0.65, "corruption": 0.2},  # α, ξ
    model={"width": width},  # one hidden layer, φ(z) = z²
    optimizer={"lr": 0.01, "weight_decay": 0},
    steps=steps,
)
run = interp.train(config)
run

# %% [markdown]
# Every label's truth is known, so accuracy comes in more than two kinds. **corrupted**: training
# pairs whose label was redrawn, scored against that label: what is memorized. **corrected**: the
# same pairs against the true answer.

# %%
interp.figures.training_curves(run)

# %% [markdown]
# Both the held-out pairs (test) and the wrong labels (corrupted) are answered: *coexistence*. The
# name is a rule on accuracies (appendix C of the paper), not an impression.

# %%
interp.phase(run)

# %% [markdown]
# ## What weight decay does
#
# The same network with stronger weight decay, three seeds each. The wrong labels go first
# (*partial*, then *full inversion*) while the rule stays; too much, and it goes too (*forgetting*).

# %%
configs = {
    (decay, seed): config.replace("optimizer.weight_decay", decay, "seed", seed)
    for decay in (0, 5, 10, 20)
    for seed in seeds
}
runs = dict(zip(configs, interp.train_many(list(configs.values())), strict=True))

pd.DataFrame(
    {
        (decay, seed): {
            "phase": interp.phase(run).name,
            **{name: score.accuracy for name, score in run.measurement().scores.items()},
        }
        for (decay, seed), run in runs.items()
    }
).T.rename_axis(["weight decay", "seed"])

# %% [markdown]
# **The control.** Train accuracy alone tells nothing of this: it is one minus ξ where the wrong
# labels are given up and 1 where they are kept. A network trained on random labels alone (ξ = 1)
# shows what memory without any rule looks like.

# %%
random_labels = interp.train(config.replace("data.corruption", 1.0))
print(interp.phase(random_labels).name)
{name: score.accuracy for name, score in random_labels.measurement().scores.items()}

# %% [markdown]
# Next: [which neurons hold the memory?](2_which_neurons.ipynb)
