"""What an encoder asks of the tables, and what it is told of them."""

from dataclasses import dataclass, replace
from typing import Literal, get_args


@dataclass(frozen=True, kw_only=True)
class DenseFeatures:
    """Numeric columns standardised on train (null → mean) and their bins, categorical columns as codes.

    Attributes:
        bins: Most bins of a numeric column; 0 for none.
        rare: Rows of train that a category needs for a code of its own.
    """

    bins: int = 48
    rare: int = 5


SHORTEST_LETTERS = 3
"""Length of the shortest n-gram of letters."""


@dataclass(frozen=True, kw_only=True)
class BagFeatures:
    """Hashed n-grams of words, and of the letters of words; sublinear tf x idf, each sort L2-normalised.

    Attributes:
        buckets: Size of each of the two parts of the hash table, of words and of letters.
        ngrams: Longest n-gram of words.
        letters: Longest n-gram of letters, from three on, borders of the word included; 0 for none.
    """

    buckets: int = 2**16
    ngrams: int = 2
    letters: int = 4


@dataclass(frozen=True, kw_only=True)
class TokenFeatures:
    """Hashed words in order.

    Attributes:
        buckets: Size of the hash table.
        max_length: Words kept of a text (tagging rows are never cut).
        bag: The n-grams that are wanted beside the words, of tasks whose words have no tags.
    """

    buckets: int = 2**16
    max_length: int = 128
    bag: BagFeatures | None = None


StateNumbers = Literal["float16", "float32"]
Pooling = Literal["mean", "cls"]
"""How a text's pieces become one vector: their mean, or the first one."""


@dataclass(frozen=True, kw_only=True)
class StateRequest:
    """States by layers of a pretrained encoder that do not train.

    Attributes:
        trained: How many layers train, from the top.
        pooling: How they become one vector a text where none trains; None where some do.
        numbers: How they are stored.
    """

    trained: int
    pooling: Pooling | None
    numbers: StateNumbers


@dataclass(frozen=True, kw_only=True)
class PieceFeatures:
    """Pieces of words, as the tokenizer of a pretrained encoder cuts them.

    Attributes:
        path: Folder of the encoder.
        max_length: Pieces kept of a row, those included that the tokenizer adds.
        together: Whether the two texts of a pair are one sequence.
        states: What stands in the place of the pieces, where it fits; None for the pieces.
        whole_layers: States may stand for so many of the encoder's layers at most; None for any number.
    """

    path: str
    max_length: int = 128
    together: bool = True
    states: StateRequest | None = None
    whole_layers: int | None = None


OneSort = DenseFeatures | BagFeatures | TokenFeatures | PieceFeatures
"""What an encoder asks of inputs of one sort."""

InputPart = Literal["text", "columns", "vector"]
PARTS: tuple[InputPart, ...] = get_args(InputPart)
"""The sorts of inputs that a row may have beside each other, as the fields of `Mixed` are called."""


@dataclass(frozen=True, kw_only=True)
class MixedFeatures:
    """What an encoder for each sort of inputs asks; None of sorts that none reads."""

    text: OneSort | None = None
    columns: OneSort | None = None
    vector: OneSort | None = None

    def by_part(self) -> dict[InputPart, OneSort]:
        """The requests that there are."""
        requests = {part: getattr(self, part) for part in PARTS}
        return {part: request for part, request in requests.items() if request is not None}


Features = OneSort | MixedFeatures
"""What an encoder asks of the tables; hashable, so that equal requests share one table."""


def pieces_asked(features: Features) -> PieceFeatures | None:
    """What is asked of a pretrained encoder's tokenizer; None where nothing is."""
    asked = features.text if isinstance(features, MixedFeatures) else features
    return asked if isinstance(asked, PieceFeatures) else None


def read_by(features: Features, *, whole_layers: int | None) -> Features:
    """What an encoder asks inside a model that takes so many of its layers as one; None for all of them."""
    asked = pieces_asked(features)
    if asked is None or asked.states is None:
        return features
    return _with_pieces(features, replace(asked, whole_layers=whole_layers))


def pieces_of(features: Features) -> Features:
    """What the tables are before states stand in them."""
    asked = pieces_asked(features)
    return features if asked is None else _with_pieces(features, replace(asked, states=None, whole_layers=None))


def _with_pieces(features: Features, pieces: PieceFeatures) -> Features:
    return replace(features, text=pieces) if isinstance(features, MixedFeatures) else pieces


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The shape of a task's inputs, all that a model needs to know of the data.

    Attributes:
        form: Which class of `ray_mtlkd.data.inputs` the inputs are; of its two sides for a pair.
        width: Dense: number of numeric columns (or of a token's features). Tokens: hashes a word.
        cardinalities: Dense: number of codes of each categorical column, code 0 included.
        columns: Dense: what identifies the columns, in order; tasks with the same ones share an input layer.
        edges: Dense: ascending edges of each numeric column's bins, in the unit of its values; none for vectors.
        buckets: Bag and tokens: size of the hash table.
        ngrams: Tokens: size of the hash table of the bag beside them; 0 where there is none.
        overlap: Pair: number of overlap features, else None.
        backbone: Pieces: configuration of the pretrained encoder, as JSON.
        parts: Mixed: the layout of each part that there is, in the order of `PARTS`.
    """

    form: str
    width: int = 0
    cardinalities: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    edges: tuple[tuple[float, ...], ...] = ()
    buckets: int = 0
    ngrams: int = 0
    overlap: int | None = None
    backbone: str = ""
    parts: tuple[tuple[InputPart, "Layout"], ...] = ()

    @property
    def sorts(self) -> tuple[str, ...]:
        """Mixed: what is beside each other, a pair told from a text. Where this differs, so does what widths mean."""
        return tuple("pair" if of.overlap is not None else part for part, of in self.parts)
