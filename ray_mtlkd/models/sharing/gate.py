"""A gate: how much of each expert a task reads."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Gate(nn.Module):
    """A weighted mean of what n experts say, by shares that follow from it.

        Σ_i g_i e_i,    g = softmax(W [e_1; …; e_n])

    In the papers a gate reads the model's inputs. These have no fixed width here (a bag of n-grams, a text), so it
    reads what the experts make of them.
    """

    def __init__(self, width: int, experts: int) -> None:
        super().__init__()
        self.linear = nn.Linear(experts * width, experts, bias=False)

    def shares(self, said: Sequence[Tensor]) -> Tensor:
        """The g [N, n] of n tensors [N, width]."""
        scores: Tensor = self.linear(torch.cat(list(said), dim=1))
        return scores.softmax(dim=1)

    def forward(self, said: Sequence[Tensor]) -> Tensor:
        """The mean [N, width] of n tensors [N, width]."""
        return (torch.stack(list(said), dim=1) * self.shares(said).unsqueeze(2)).sum(1)
