"""Modules as somebody outside of this project writes them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PaperMLP(nn.Module):
    """W φ(U e_m + V e_n) on one-hot operands, φ by name, a module or torch's function."""

    def __init__(self, p: int = 11, width: int = 12, as_module: bool = False) -> None:
        super().__init__()
        self.p = p
        self.fc1 = nn.Linear(2 * p, width, bias=False)
        self.fc2 = nn.Linear(width, p, bias=False)
        self.act = Square() if as_module else None

    def forward(self, pairs: Tensor) -> Tensor:
        hot = F.one_hot(pairs, self.p).flatten(1).float()  # float32, whatever the weights are
        h = self.fc1(hot)
        return self.fc2(h**2 if self.act is None else self.act(h))


class Square(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x


class Embedded(nn.Module):
    """Two embeddings side by side, a layer with φ, and a second one if it is deep."""

    def __init__(
        self,
        p: int = 11,
        width: int = 12,
        phi: str = "relu",
        deep: bool = False,
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(p + 1, 8)
        self.fc1 = nn.Linear(16, width)
        self.norm = nn.BatchNorm1d(width) if norm else nn.Identity()
        self.fc2 = nn.Linear(width, width) if deep else nn.Identity()
        self.head = nn.Linear(width, p)
        self.phi = phi
        self.act = Phi(phi)

    def forward(self, x: Tensor) -> Tensor:
        h = phi_of(self.phi, self.fc1(self.embed(x[:, :2]).flatten(1)))
        h = self.norm(h)
        _ = (h * 2).sigmoid()  # seen by somebody, and by no logit
        if isinstance(self.fc2, nn.Linear):
            h = self.act(self.fc2(h))
        return self.head(h)


class Phi(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        return phi_of(self.name, x)


def phi_of(name: str, x: Tensor) -> Tensor:
    if name == "own gelu":  # several functions, of which none alone is φ
        return 0.5 * x * (1 + torch.erf(x / 2**0.5))
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "relu": lambda x: F.relu(x.clone(), inplace=True),
        "gelu": F.gelu,
        "tanh": torch.tanh,
        "cos": torch.cos,  # φ(0) = 1
    }
    return functions[name](x)


class Attention(nn.Module):
    """One block of causal attention and MLP on tokens, a row of logits at every position."""

    def __init__(self, p: int = 11, d: int = 16, width: int = 12, blocks: int = 1) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(p + 1, d), nn.Parameter(0.3 * torch.randn(3, d))
        self.blocks = nn.ModuleList(AttentionBlock(d, width) for _ in range(blocks))
        self.head = nn.Linear(d, p + 1, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens) + self.place
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class AttentionBlock(nn.Module):
    def __init__(self, d: int, width: int) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.up, self.down = nn.Linear(d, width), nn.Linear(width, d)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        scores = (q @ k.transpose(-1, -2)) / q.shape[-1] ** 0.5
        masked = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), float("-inf"))
        x = x + self.out(masked.softmax(-1) @ v)
        return x + self.down(F.relu(self.up(x)))


def small(width: int = 12) -> nn.Module:
    """A small network with names of its own: what a run folder may name."""
    return Embedded(11, width)


def unannotated():
    return PaperMLP()


class TwoTables(nn.Module):
    """φ of the sum of a row of each table, which no linear layer makes."""

    def __init__(self, p: int = 11, width: int = 12) -> None:
        super().__init__()
        self.first, self.second = nn.Embedding(p, width), nn.Embedding(p, width)
        self.pre, self.head = nn.Identity(), nn.Linear(width, p)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.head(self.pre(self.first(x) + self.second(y)).relu())


def operands(pairs: Tensor) -> tuple[Tensor, Tensor]:
    return pairs[:, 0], pairs[:, 1]
