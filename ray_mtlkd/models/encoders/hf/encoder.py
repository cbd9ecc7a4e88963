"""A pretrained transformer from a local folder, fine-tuned, adapted or frozen.

What does not train has no gradient, no optimizer state, no place in the matrix of the tasks' gradients and none in
checkpoints; copies of a model share it.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from annotated_types import MinLen
from pydantic import AfterValidator

from ray_mtlkd.data.features import Layout, PieceFeatures, Pooling, StateNumbers, StateRequest
from ray_mtlkd.decode import document, refuse
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.base import Forms, LayeredEncoder
from ray_mtlkd.models.encoders.hf.ending import PieceEnding
from ray_mtlkd.models.encoders.hf.layers import layers_of
from ray_mtlkd.ranges import Fraction, PositiveFloat, PositiveInt, Share
from ray_mtlkd.tasks.kinds import kind_named

_TOP = "top-"


@document
class Lora:
    """Low-rank matrices beside every dense weight matrix W of the layers, W + B A, while W stays as it is.

    Hu et al. 2021 (arXiv:2106.09685), equation 3. B starts at 0.

    Attributes:
        lora: Their rank.
    """

    lora: PositiveInt


def _is_top(value: str) -> str:
    number = value.removeprefix(_TOP)
    if not value.startswith(_TOP) or not number.isdecimal() or int(number) == 0:
        fix = "give all, none, top-1, top-2 and so on, or {lora: 8}"
        refuse([MtlkdError(f"{value!r} says nothing of what trains", where="", fix=fix)])
    return value


Train = Literal["all", "none"] | Lora | Annotated[str, AfterValidator(_is_top), "`top-K`"]


@document
class PretrainedEncoder:
    """BERT, MiniLM, RoBERTa, XLM-R, DistilBERT, ModernBERT or DeBERTa-v3; all tasks share every layer.

    A text is the mean of its pieces' states, or that of its first piece; a word that is tagged has the state of its own
    first piece, and zeros where it stands beyond ``max_length``.

    Attributes:
        path: Folder with config.json, tokenizer.json and model.safetensors.
        train: ``all``, the last K layers (``top-K``), ``none``, or low-rank matrices beside weights (``{lora: r}``).
        pooling: How a text's pieces become one vector.
        max_length: Pieces kept of a row, those included that the tokenizer adds.
        pair: Whether the texts of a pair are one sequence, in which each sees the other, or two that are joined.
            ``auto`` joins two unless all layers train, which then learn to compare what stands in one sequence.
        encoder_lr: Factor on `training.lr` for what trains of the encoder; heads have 1.
        layer_decay: Factor on that rate for each layer further down (Howard and Ruder 2018, arXiv:1801.06146,
            section 3.2; Clark et al. 2020, arXiv:2003.10555, appendix B).
        states: How the states below the layers that train are stored, which are computed once for all trials; ``none``
            computes them in each step.
        dropout: In the layers that train, and of the representations.
        join: Width of the layer that joins two sequences of a pair.
        gradient_checkpointing: Whether layers that train keep their inputs alone from the forward pass and compute the
            rest again in the backward pass (Chen et al. 2016, arXiv:1604.06174): the same numbers, less memory, about a
            third more time.
    """

    name: ClassVar[str] = "hf"
    forms: ClassVar[Mapping[str, str]] = Forms(rows="Pieces", tokens="Pieces")

    path: Annotated[str, MinLen(1)]
    train: Train = "all"
    pooling: Pooling = "mean"
    max_length: PositiveInt = PieceFeatures.max_length
    pair: Literal["auto", "together", "apart"] = "auto"
    encoder_lr: PositiveFloat = 0.01
    layer_decay: Fraction = 1.0
    states: StateNumbers | Literal["none"] = "float16"
    dropout: Share = 0.1
    join: PositiveInt = 64
    gradient_checkpointing: bool = False

    @property
    def features(self) -> PieceFeatures:
        """Pieces by the folder's tokenizer, or the states of layers that do not train."""
        is_one = self.pair == "together" or (self.pair == "auto" and self._trains_whole)
        return PieceFeatures(path=self.path, max_length=self.max_length, together=is_one, states=self._states)

    @property
    def _trains_whole(self) -> bool:
        """Whether every layer can change."""
        return self.train == "all" or isinstance(self.train, Lora)

    @property
    def _states(self) -> StateRequest | None:
        if self.states == "none" or self._trains_whole:
            return None
        trained = 0 if self.train == "none" else int(str(self.train).removeprefix(_TOP))
        return StateRequest(trained=trained, pooling=None if trained else self.pooling, numbers=self.states)

    @property
    def rank(self) -> int | None:
        """Rank of low-rank matrices; None without them."""
        return self.train.lora if isinstance(self.train, Lora) else None

    def trained_layers(self, layers: int) -> int:
        """How many of the encoder's layers train, from the top.

        Raises:
            MtlkdError: where it has fewer.
        """
        if isinstance(self.train, Lora) or self.train == "all":
            return layers
        if self.train == "none":
            return 0
        top = int(self.train.removeprefix(_TOP))
        if top > layers:
            fix = f"give top-{layers} or fewer, or all"
            raise MtlkdError(f"{top} layers of an encoder with {layers}", where="encoder.train", fix=fix)
        return top

    def build(self, layouts: Sequence[Layout], kinds: Sequence[str]) -> LayeredEncoder:
        """The encoder; its layers are the same whatever the tasks.

        Its weights are not read here: `ray_mtlkd.models.encoders.pretrained.fill` puts them in.

        Raises:
            MtlkdError: where it has fewer layers than are to train, or `transformers` is not installed.
        """
        per_token = [kind_named(kind).per_token for kind in kinds]
        ending = PieceEnding(per_token, pooling=self.pooling, dropout=self.dropout)
        return LayeredEncoder(layers_of(self, layouts[0].backbone), ending)
