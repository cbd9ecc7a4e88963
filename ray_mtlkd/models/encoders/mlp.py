"""A multilayer perceptron over numeric and categorical columns; token by token for sequences of vectors."""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from ray_mtlkd.data.features import DenseFeatures, Layout
from ray_mtlkd.data.inputs import Dense, DenseTokens
from ray_mtlkd.decode import document
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.base import EncoderLayer, Ending, Forms, LayeredEncoder
from ray_mtlkd.models.encoders.layers import Layer, stack
from ray_mtlkd.ranges import NaturalInt, PositiveInt, Share, Widths

_STD = 0.1
"""Of the initial embeddings of categories. Where it is large, the noise of rare categories stays; where it is tiny, a
run of some epochs ends before they have grown."""


_BEYOND = 10.0
"""Widths of an outer bin that a value may lie beyond its inner edge, either way."""


@document
class Mlp:
    """Tasks with the same columns share every layer; with other columns, every layer but the first.

    Attributes:
        hidden: Width of each hidden layer, from the inputs on.
        embedding: Width of a categorical column's embedding.
        number_embedding: Width of a numeric column's embedding.
        bins: Most bins of a numeric column, between quantiles of train; 0 takes the standardised number itself.
        rare: Rows of train that a category needs for an embedding of its own; rarer ones share one.
        dropout: After every hidden layer.
        join: Width of the layer that joins the two sides of a pair.
    """

    name: ClassVar[str] = "mlp"
    forms: ClassVar[Mapping[str, str]] = Forms(rows="Dense", tokens="DenseTokens")

    hidden: Widths = (64, 64)
    embedding: PositiveInt = 8
    number_embedding: PositiveInt = 16
    bins: NaturalInt = DenseFeatures.bins
    rare: PositiveInt = DenseFeatures.rare
    dropout: Share = 0.0
    join: PositiveInt = 64

    @property
    def features(self) -> DenseFeatures:
        """Numeric columns standardised and binned, categorical columns as codes."""
        return DenseFeatures(bins=self.bins, rare=self.rare)

    def build(self, layouts: Sequence[Layout], kinds: Sequence[str]) -> LayeredEncoder:  # noqa: ARG002 - rows and tokens go the same way
        """The encoder; one input layer for each set of columns.

        Raises:
            MtlkdError: where tasks of different columns would share nothing.
        """
        distinct = len({_columns(layout) for layout in layouts})
        if distinct > 1 and len(self.hidden) == 1:
            raise MtlkdError(
                f"with one hidden layer, {distinct} sets of columns have no layer in common",
                where="encoder.hidden",
                fix="give two widths or more",
            )
        first = ColumnsLayer(self, layouts)
        return LayeredEncoder((first, *stack(self.hidden, dropout=self.dropout)), Ending())


class NumberEmbedding(nn.Module):
    """Every numeric column's piecewise linear encoding, through a linear layer and ReLU of the column's own.

    The encoding of x over the edges b_0 < … < b_K is (e_1, …, e_K) with e_k = (x - b_{k-1}) / (b_k - b_{k-1}), cut off
    at 0 for k > 1 and at 1 for k < K (Gorishniy et al. 2022, arXiv:2203.05556, equation 1). Unlike there, values beyond
    the outer edges count up to ten widths of the outer bins only: these can be very narrow.
    """

    starts: Tensor
    slopes: Tensor
    lowest: Tensor
    highest: Tensor

    def __init__(self, edges: Sequence[Sequence[float]], width: int) -> None:
        super().__init__()
        sizes = [len(column) - 1 for column in edges]
        shape = (len(edges), max(sizes))
        starts, slopes, lowest, highest = (torch.zeros(shape) for _ in range(4))
        weight = torch.zeros(*shape, width)
        for at, (column, size) in enumerate(zip(edges, sizes, strict=True)):
            borders = torch.tensor(column, dtype=torch.float64)
            starts[at, :size], slopes[at, :size] = borders[:-1], 1 / borders.diff()
            highest[at, :size] = 1
            lowest[at, 0], highest[at, size - 1] = -_BEYOND, _BEYOND
            nn.init.normal_(weight[at, :size], std=math.sqrt(2 / size))
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(len(edges), width))
        for name, value in (("starts", starts), ("slopes", slopes), ("lowest", lowest), ("highest", highest)):
            # They come from the data, not from training: a checkpoint has no use for them.
            self.register_buffer(name, value, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """Rows [B, D * width] of values [B, D]."""
        encoded = ((values.T[:, :, None] - self.starts[:, None]) * self.slopes[:, None]).clamp(
            self.lowest[:, None], self.highest[:, None]
        )
        embedded = torch.baddbmm(self.bias[:, None], encoded, self.weight).relu()
        return embedded.transpose(0, 1).flatten(1)


class CategoryEmbedding(nn.Module):
    """The embeddings of all categorical columns in one table, one column's codes after the other's."""

    firsts: Tensor

    def __init__(self, cardinalities: Sequence[int], width: int) -> None:
        super().__init__()
        firsts = torch.tensor([0, *cardinalities[:-1]]).cumsum(0)
        table = _STD * torch.randn(sum(cardinalities), width)
        # Where train has no null and no rare category, code 0 is never trained: it then adds nothing.
        table[firsts] = 0
        self.table = nn.Parameter(table)
        self.register_buffer("firsts", firsts, persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """Rows [B, C * width] of codes [B, C]."""
        # The gradient of index_select is cheaper than that of nn.Embedding.
        embedded = self.table.index_select(0, (codes + self.firsts).flatten())
        return embedded.view(codes.shape[0], codes.shape[1] * self.table.shape[1])


class ColumnLayer(nn.Module):
    """Columns to the first hidden layer: embedded codes beside embedded numbers, then one layer."""

    def __init__(self, config: Mlp, layout: Layout) -> None:
        super().__init__()
        self.numbers = NumberEmbedding(layout.edges, config.number_embedding) if layout.edges else None
        self.categories = CategoryEmbedding(layout.cardinalities, config.embedding) if layout.cardinalities else None
        width = layout.width * (config.number_embedding if layout.edges else 1)
        width += len(layout.cardinalities) * config.embedding
        self.layer = Layer(width, config.hidden[0], dropout=config.dropout)

    def forward(self, values: Tensor, codes: Tensor | None) -> Tensor:
        """Rows [B, hidden[0]] of values [B, D] and codes [B, C]."""
        parts = [values if self.numbers is None else self.numbers(values)]
        if self.categories is not None:
            parts.append(self.categories(codes))
        hidden: Tensor = self.layer(parts[0] if len(parts) == 1 else torch.cat(parts, dim=1))
        return hidden


class ColumnsLayer(EncoderLayer):
    """A `ColumnLayer` for each set of columns."""

    def __init__(self, config: Mlp, layouts: Sequence[Layout]) -> None:
        super().__init__()
        distinct = list(dict.fromkeys(_columns(layout) for layout in layouts))
        self.columns = [distinct.index(_columns(layout)) for layout in layouts]
        self.by_columns = nn.ModuleList(ColumnLayer(config, layout) for layout in distinct)
        self.width = config.hidden[0]

    def forward(self, states: None, inputs: Dense[Tensor] | DenseTokens[Tensor], task: int) -> Tensor:  # noqa: ARG002
        """Rows [B, width] or tokens [tokens, width], through the layer of the task's columns."""
        codes = inputs.codes if isinstance(inputs, Dense) else None
        hidden: Tensor = self.by_columns[self.columns[task]](inputs.values, codes)
        return hidden

    def parts(self, task: int) -> tuple[nn.Module, ...]:
        """The layer of the task's columns."""
        return (self.by_columns[self.columns[task]],)


def _columns(layout: Layout) -> Layout:
    """What makes two tasks' columns the same: everything but whether a row is a vector or a sequence of them."""
    return Layout(
        form="Dense", width=layout.width, cardinalities=layout.cardinalities, columns=layout.columns, edges=layout.edges
    )
