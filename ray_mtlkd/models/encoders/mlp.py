"""A multilayer perceptron over numeric and categorical columns; token by token for sequences of vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ray_mtlkd.decode import document
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.base import Encoder, check_dropout, check_widths
from ray_mtlkd.models.encoders.layers import Layer, stack
from ray_mtlkd.tasks.inputs import Dense, DenseFeatures, DenseTokens, Layout
from ray_mtlkd.tasks.task import Kind


@document
@dataclass(frozen=True, kw_only=True)
class Mlp:
    """Tasks with the same columns share every layer; with other columns, every layer but the first.

    Attributes:
        hidden: Width of each hidden layer, from the inputs on.
        embedding: Width of a categorical column's embedding.
        dropout: After every hidden layer, in [0, 1).
        join: Width of the layer that joins the two sides of a pair.
    """

    name: ClassVar[str] = "mlp"
    forms: ClassVar[Mapping[Kind, str]] = {
        "binary": "Dense",
        "multiclass": "Dense",
        "multilabel": "Dense",
        "regression": "Dense",
        "tagging": "DenseTokens",
    }
    kinds: ClassVar[frozenset[Kind]] = frozenset(forms)

    hidden: tuple[int, ...] = (64, 64)
    embedding: int = 8
    dropout: float = 0.0
    join: int = 64

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        check_widths({"hidden": self.hidden, "embedding": self.embedding, "join": self.join})
        check_dropout(self.dropout)

    @property
    def features(self) -> DenseFeatures:
        """Numeric columns standardised, categorical columns as codes."""
        return DenseFeatures()

    def build(self, layouts: Sequence[Layout], kinds: Sequence[Kind]) -> "MlpEncoder":  # noqa: ARG002 - rows and tokens go the same way
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
        return MlpEncoder(self, layouts)


class ColumnLayer(nn.Module):
    """Columns to the first hidden layer: embedded codes beside the numbers, then one layer."""

    def __init__(self, config: Mlp, layout: Layout) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(codes, config.embedding) for codes in layout.cardinalities)
        width = layout.width + config.embedding * len(layout.cardinalities)
        self.layer = Layer(width, config.hidden[0], dropout=config.dropout)

    def forward(self, values: Tensor, codes: Tensor | None) -> Tensor:
        """Rows [B, hidden[0]] of values [B, D] and codes [B, C]."""
        embedded = [] if codes is None else [table(codes[:, at]) for at, table in enumerate(self.embeddings)]
        hidden: Tensor = self.layer(torch.cat([values, *embedded], dim=1))
        return hidden


class MlpEncoder(Encoder):
    """See `Mlp`."""

    def __init__(self, config: Mlp, layouts: Sequence[Layout]) -> None:
        super().__init__()
        columns = list(dict.fromkeys(_columns(layout) for layout in layouts))
        self.columns = [columns.index(_columns(layout)) for layout in layouts]
        self.first = nn.ModuleList(ColumnLayer(config, layout) for layout in columns)
        self.trunk = stack(config.hidden, dropout=config.dropout)
        self.outputs = config.hidden[-1]

    def forward(self, inputs: Dense[Tensor] | DenseTokens[Tensor], tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """Representations [B, hidden[-1]], or [tokens, hidden[-1]], the same for tasks of one layout."""
        codes = inputs.codes if isinstance(inputs, Dense) else None
        hidden: Tensor = self.first[self.columns[tasks[0]]](inputs.values, codes)
        for layer in self.trunk:
            hidden = layer(hidden)
        return (hidden,) * len(tasks)

    def width(self, task: int) -> int:  # noqa: ARG002 - the same for every task
        """Width of the last hidden layer."""
        return self.outputs

    def parts(self, task: int) -> tuple[nn.Module, ...]:
        """The task's input layer, then the trunk."""
        return (self.first[self.columns[task]], *self.trunk)


def _columns(layout: Layout) -> Layout:
    """What makes two tasks' columns the same: everything but whether a row is a vector or a sequence of them."""
    return Layout(form="Dense", width=layout.width, cardinalities=layout.cardinalities, columns=layout.columns)
