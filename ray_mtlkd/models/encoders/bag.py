"""An MLP over TF-IDF of hashed n-grams: fast, and it needs no vocabulary.

The first layer is a hashed embedding bag with the TF-IDF weights as per-sample weights, so that its gradient has only
the rows of the batch's n-grams.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor, nn

from ray_mtlkd.data.inputs import Bag, BagFeatures, Layout
from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import Encoder, Forms, Letters
from ray_mtlkd.models.encoders.layers import HashedLayer, stack
from ray_mtlkd.ranges import PositiveInt, Share, Widths

_STD = 0.05
"""Of the initial rows. Rows of n-grams unseen in train keep their initial value: it must be small, or is noise."""


@document
class BagOfNgrams:
    """All tasks share every layer.

    One hidden layer serves intents best; the last shared layer is then the hashed one.

    Attributes:
        hidden: Width of each hidden layer; the first is the width of the hash table.
        buckets: Rows of each of the two parts of the hash table, of words and of letters.
        ngrams: Longest n-gram of words.
        letters: Longest n-gram of letters; 0 for none.
        dropout: After every hidden layer.
        join: Width of the layer that joins the two sides of a pair.
    """

    name: ClassVar[str] = "bag"
    forms: ClassVar[Mapping[str, str]] = Forms(rows="Bag", tokens=None)

    hidden: Widths = (128,)
    buckets: PositiveInt = BagFeatures.buckets
    ngrams: PositiveInt = BagFeatures.ngrams
    letters: Letters = BagFeatures.letters
    dropout: Share = 0.3
    join: PositiveInt = 64

    @property
    def features(self) -> BagFeatures:
        """Hashed TF-IDF n-grams."""
        return BagFeatures(buckets=self.buckets, ngrams=self.ngrams, letters=self.letters)

    def build(self, layouts: Sequence[Layout], kinds: Sequence[str]) -> "BagEncoder":  # noqa: ARG002 - serves rows only
        """The encoder; it is the same whatever the tasks."""
        return BagEncoder(self, buckets=max(layout.buckets for layout in layouts))


class BagEncoder(Encoder):
    """See `BagOfNgrams`."""

    def __init__(self, config: BagOfNgrams, *, buckets: int) -> None:
        super().__init__()
        self.first = HashedLayer(buckets, config.hidden[0], std=_STD, dropout=config.dropout)
        self.trunk = stack(config.hidden, dropout=config.dropout)
        self.outputs = config.hidden[-1]

    def forward(self, inputs: Bag[Tensor], tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """Representations [B, hidden[-1]], the same for every task."""
        hidden: Tensor = self.first(inputs.ids, inputs.weights, inputs.offsets)
        for layer in self.trunk:
            hidden = layer(hidden)
        return (hidden,) * len(tasks)

    def width(self, task: int) -> int:  # noqa: ARG002
        """Width of the last hidden layer."""
        return self.outputs

    def parts(self, task: int) -> tuple[nn.Module, ...]:  # noqa: ARG002
        """The hashed layer, then the trunk."""
        return (self.first, *self.trunk)
