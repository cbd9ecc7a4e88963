"""An MLP over TF-IDF of hashed n-grams: fast, and it needs no vocabulary.

The first layer is a hashed embedding bag with the TF-IDF weights as per-sample weights, so that its gradient has only
the rows of the batch's n-grams.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor, nn

from ray_mtlkd.data.features import BagFeatures, Layout
from ray_mtlkd.data.inputs import Bag
from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import EncoderLayer, Ending, Forms, LayeredEncoder, Letters
from ray_mtlkd.models.encoders.layers import HashedLayer, stack
from ray_mtlkd.ranges import PositiveInt, Share, SmallCount, Widths

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
    ngrams: SmallCount = BagFeatures.ngrams
    letters: Letters = BagFeatures.letters
    dropout: Share = 0.3
    join: PositiveInt = 64

    @property
    def features(self) -> BagFeatures:
        """Hashed TF-IDF n-grams."""
        return BagFeatures(buckets=self.buckets, ngrams=self.ngrams, letters=self.letters)

    def build(self, layouts: Sequence[Layout], kinds: Sequence[str]) -> LayeredEncoder:  # noqa: ARG002 - serves rows only
        """The encoder; it is the same whatever the tasks."""
        first = BagLayer(max(layout.buckets for layout in layouts), self.hidden[0], dropout=self.dropout)
        return LayeredEncoder((first, *stack(self.hidden, dropout=self.dropout)), Ending())


class BagLayer(EncoderLayer):
    """The hashed layer."""

    def __init__(self, buckets: int, width: int, *, dropout: float) -> None:
        super().__init__()
        self.hashed = HashedLayer(buckets, width, std=_STD)
        self.dropout = nn.Dropout(dropout)
        self.width = width

    def forward(self, states: None, inputs: Bag[Tensor], task: int) -> Tensor:  # noqa: ARG002
        """Rows [B, width]."""
        hidden: Tensor = self.dropout(self.hashed(inputs.ids, inputs.weights, inputs.offsets))
        return hidden
