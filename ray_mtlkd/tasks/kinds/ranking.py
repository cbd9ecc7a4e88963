"""How relevant a row is among the candidates of its query: a score a row, compared within its group alone.

Labels y >= 0 are relevance, binary or graded; s are the scores of the n candidates of a query. A task's `loss` chooses

    listwise   - sum_j P_y(j) log P_s(j),   P_y(j) = y_j / sum_k y_k,   P_s(j) = exp(s_j) / sum_k exp(s_k)
    pairwise   mean over the pairs with y_i > y_j of log(1 + exp(s_j - s_i))

The first is the cross-entropy of top one probabilities of Cao et al. 2007 ("Learning to rank: from pairwise approach to
listwise approach", sections 4.2 and 5), the target's with the identity in place of the exponential; the second that of
RankNet (Burges et al. 2005, "Learning to rank using gradient descent", eq. 3 with target probability 1). Either is a
mean over queries, divided by what constant scores lose on train: the mean of log n, or log 2. A query without a
relevant candidate, of whose pairs none differs, loses 0 and teaches nothing from labels, but counts in both means.

A teacher's scores v are recalled list by list: ``τ² · KL(softmax(v / τ) || softmax(s / τ))``, whichever the loss.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.tasks import orders
from ray_mtlkd.tasks.kinds.base import Floats, Kind, Labels, LabelWeights, LabelWords, LossRule, Measure, Offsets
from ray_mtlkd.tasks.kinds.divergence import beyond
from ray_mtlkd.tasks.task import Task

_GRADES = 6
"""Different labels that a description names."""


class _Padded:
    """The rows of groups as rows of a matrix [G, longest group].

    Args:
        groups: Where each begins [G+1], on the host.
        like: Its device is computed on.
    """

    def __init__(self, groups: Tensor | None, like: Tensor) -> None:
        if groups is None:
            raise ValueError("a ranking needs groups")
        sizes = groups.diff()
        self._shape = len(sizes), int(sizes.max())
        starts = torch.arange(len(sizes)) * self._shape[1] - groups[:-1]
        places = torch.arange(int(groups[-1])) + torch.repeat_interleave(starts, sizes)
        self._places = places.to(like.device)
        self.absent = self.pad(torch.zeros_like(like, dtype=torch.bool), fill=True)

    def pad(self, values: Tensor, *, fill: float) -> Tensor:
        """One value a row [N], and ``fill`` where a group is shorter [G, longest]."""
        flat = values.new_full((math.prod(self._shape),), fill)
        return flat.index_copy(0, self._places, values).view(self._shape)

    def cross_entropy(self, target: Tensor, scores: Tensor) -> Tensor:
        """Of a distribution [G, longest], 0 where absent, and the softmax of scores [N]: [G]."""
        log = self.pad(scores, fill=-torch.inf).log_softmax(dim=1)
        return -(target * log.masked_fill(self.absent, 0)).sum(dim=1)


def _listwise(outputs: Tensor, labels: Tensor, _smoothing: float, groups: Tensor | None) -> Tensor:
    lists = _Padded(groups, outputs)
    relevance = lists.pad(labels, fill=0)
    whole = relevance.sum(dim=1, keepdim=True)
    return lists.cross_entropy(relevance / whole.where(whole > 0, 1), outputs)


def _pairwise(outputs: Tensor, labels: Tensor, _smoothing: float, groups: Tensor | None) -> Tensor:
    lists = _Padded(groups, outputs)
    # nothing is above what is absent, and what is absent is left out
    relevance, scores = lists.pad(labels, fill=torch.inf), lists.pad(outputs, fill=0)
    higher = (relevance[:, :, None] > relevance[:, None, :]) & ~lists.absent[:, :, None]
    lost = functional.softplus(scores[:, None, :] - scores[:, :, None]) * higher
    return lost.sum(dim=(1, 2)) / higher.sum(dim=(1, 2)).clamp(min=1)


def _recall(outputs: Tensor, soft: Tensor, temperature: float, groups: Tensor | None) -> Tensor:
    lists = _Padded(groups, outputs)
    target = lists.pad(soft / temperature, fill=-torch.inf).softmax(dim=1)
    crossed = lists.cross_entropy(target, outputs / temperature)
    return beyond(torch.special.entr(target).sum(dim=1), crossed) * temperature**2


def _start(task: Task) -> tuple[tuple[float, ...], float]:
    return (0.0,), task.constant_loss


def _fit(task: Task, labels: Labels, groups: Offsets, _weights: LabelWeights, where: str) -> Task:
    sizes = np.diff(_known(groups))
    highest, lowest = _reduced(np.maximum, labels, groups), _reduced(np.minimum, labels, groups)
    differ = highest > lowest
    if not differ.any():
        what = "no train query has candidates of different relevance: nothing to learn"
        raise MtlkdError(what, where=where, fix="give queries with relevant and other candidates")
    by_query = np.log(2.0) * differ if task.loss == "pairwise" else np.log(sizes) * (highest > 0)
    return replace(task, constant_loss=float(by_query.mean()))


def _constant(_task: Task, _train_labels: Labels) -> Floats:
    return np.zeros((), np.float32)


def _scores(_task: Task, outputs: Floats) -> NDArray[np.float32]:
    return outputs


def _mean_of(by_group: orders.ByGroup) -> Measure:
    def measure(_task: Task, outputs: Floats, labels: Labels, groups: Offsets) -> float:
        return orders.mean(by_group(outputs, labels, _known(groups)))

    return measure


def _cut(at_rank: Callable[[int], orders.ByGroup]) -> Callable[[int], Measure]:
    return lambda k: _mean_of(at_rank(k))


def _describe(_task: Task, labels: Labels, groups: Offsets) -> LabelWords:
    sizes = np.diff(_known(groups))
    grades = np.unique(labels)
    said = f" (grades {', '.join(f'{grade:g}' for grade in grades)})" if 2 < len(grades) <= _GRADES else ""  # noqa: PLR2004 - two are yes and no
    candidates = f"{sizes.min()} to {sizes.max()} candidates, {sizes.mean():.1f} in the mean"
    return LabelWords(
        distribution=(
            f"{len(sizes):,} queries of {candidates}",
            f"{100 * float(np.mean(labels > 0)):.1f} % of the candidates are relevant{said}",
        ),
        balance=_notice(labels, groups) or "",
    )


def _notice(labels: Labels, groups: Offsets) -> str | None:
    without = int((_reduced(np.maximum, labels, groups) <= 0).sum())
    if not without:
        return None
    return f"{without} of {len(_known(groups)) - 1} queries without a relevant candidate"


def _reduced(by: np.ufunc, labels: Labels, groups: Offsets) -> NDArray[np.float64]:
    """The largest or smallest label of each group [G]."""
    found: NDArray[np.float64] = by.reduceat(labels.astype(np.float64), _known(groups)[:-1])
    return found


def _known(groups: Offsets) -> NDArray[np.int64]:
    if groups is None:
        raise ValueError("a ranking needs groups")
    return groups


RANKING = Kind(
    labels="number",
    dtype="float32",
    least_number=0.0,
    losses={
        "listwise": LossRule(hard=_listwise, soft=_recall, start=_start),
        "pairwise": LossRule(hard=_pairwise, soft=_recall, start=_start),
    },
    metrics={name: _mean_of(by_group) for name, by_group in orders.BY_GROUP.items()},
    at_rank={name: _cut(at_rank) for name, at_rank in orders.AT_RANK.items()},
    fit=_fit,
    constant=_constant,
    predict=_scores,
    describe=_describe,
    notice=_notice,
    extent="group",
    answer="score",
    is_scalar=True,
)
