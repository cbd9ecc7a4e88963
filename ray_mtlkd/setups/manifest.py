"""A setup's manifest: which tasks there are, where their tables lie, and which columns mean what."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self, get_args

from annotated_types import MinLen

from ray_mtlkd.data.features import InputPart
from ray_mtlkd.decode import document
from ray_mtlkd.ranges import NaturalInt, NonNegativeFloat, OpenShare, PositiveFloat, PositiveInt, Text, UnitInterval
from ray_mtlkd.setups.csv_format import AS_FOUND, CsvFormat
from ray_mtlkd.setups.values import MARKERS

Form = Literal["text", "pair", "tokens", "columns", "vector", "token_vectors"]
Separator = Annotated[str, MinLen(1)]
FORMS: tuple[Form, ...] = get_args(Form)
TOKEN_FORMS: frozenset[Form] = frozenset({"tokens", "token_vectors"})
"""Those with an output a token."""
PART_OF: Mapping[Form, InputPart] = {
    **dict.fromkeys(("text", "pair", "tokens"), "text"),
    "columns": "columns",
    **dict.fromkeys(("vector", "token_vectors"), "vector"),
}
"""The sort of inputs that each is: a task may have forms of several sorts beside each other."""


@document
class Columns:
    """Numeric and categorical columns of a table."""

    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()


@document
class SplitRule:
    """How one file is cut into train, valid and test, or train into train and valid.

    Attributes:
        valid: Share of the rows.
        test: Likewise, where test is not there already; train has the rest.
        seed: Another one cuts elsewhere.
        by: Column whose values stay on one side, such as a customer; without it, equal inputs do.
        stratify: Whether each part has its share of every label, or a column of whose values it has so. Rows that are
            added may then move a few others.
    """

    valid: OpenShare = 0.1
    test: OpenShare = 0.2
    seed: NaturalInt = 0
    by: str | None = None
    stratify: bool | str = False


@document
class InputSpec:
    """What tasks read: one of the six input forms, or `text` or `pair` beside `columns` and `vector`, or two of these.

    Attributes:
        data: Folder with train, valid and test tables; or one file, which ``split`` cuts.
        split: How a file is cut.
        rows: How many rows of train there are, as if the file held no others; None for all.
        text: String columns, joined.
        pair: The two string columns of a text pair.
        tokens: A column of lists of strings.
        vector: A column of lists of numbers, all of one length.
        token_vectors: A column of lists of such vectors, one a token.
        csv: How tables that are CSV files are written, where that cannot be found.
        separator: What stands between the elements of a list, where a cell holds it as a text: of all such columns, or
            of some, by column.
        na_values: Cells that mean a missing number, category or label, in place of `NA`, `null` and the like: of all
            columns, or of some, by column. An empty cell always does.
        allow_unseen: Share of a table's categories, column by column, that train need not show; more are an error.
    """

    data: str
    split: SplitRule | None = None
    rows: PositiveInt | None = None
    text: tuple[str, ...] | None = None
    pair: tuple[str, str] | None = None
    tokens: str | None = None
    columns: Columns | None = None
    vector: str | None = None
    token_vectors: str | None = None
    csv: CsvFormat = AS_FOUND
    separator: Separator | dict[str, Separator] | None = None
    na_values: tuple[Text, ...] | dict[str, tuple[Text, ...]] | None = None
    allow_unseen: UnitInterval = 0.5

    def markers(self, column: str) -> tuple[str, ...]:
        """What a cell of a column says where its value is missing."""
        given = self.na_values.get(column) if isinstance(self.na_values, dict) else self.na_values
        return MARKERS if given is None else given

    def separator_of(self, column: str) -> str | None:
        """What stands between the elements of a list in a cell of a column; None where cells hold no such texts."""
        return self.separator.get(column) if isinstance(self.separator, dict) else self.separator

    @property
    def forms(self) -> tuple[Form, ...]:
        """The input forms that are given."""
        return tuple(form for form in FORMS if getattr(self, form) is not None)

    @property
    def form(self) -> Form:
        """The input form, where one alone is given."""
        (form,) = self.forms
        return form

    @property
    def parts(self) -> dict[InputPart, Form]:
        """The sorts of inputs that there are, each with its form."""
        return {PART_OF[form]: form for form in self.forms}

    def only(self, form: Form) -> Self:
        """The same with one of its input forms alone."""
        others: dict[str, Any] = dict.fromkeys(other for other in self.forms if other != form)
        return replace(self, **others)

    @property
    def input_columns(self) -> tuple[str, ...]:
        """Every column that the inputs read, form by form, in the manifest's order."""
        return tuple(column for form in self.forms for column in self._columns_of(form))

    def _columns_of(self, form: Form) -> tuple[str, ...]:
        given: Columns | tuple[str, ...] | str = getattr(self, form)
        if isinstance(given, Columns):
            return given.numeric + given.categorical
        return (given,) if isinstance(given, str) else given


@document
class TaskSpec(InputSpec):
    """One task as the manifest describes it.

    Attributes:
        kind: Name in the kind registry.
        loss: Which of the kind's losses, where it has several; the first without it.
        classes: Number of classes, or their names in the order of their codes: makes labels checkable.
        format: What labels are: `names` of classes (of numbers, the numbers), `positions` in ``classes`` from 0, or, of
            kinds with a list of classes a row, an `indicator`: a 0 or 1 for every class.
        threshold: Probability from which a label counts as predicted, of kinds that have one.
        group: Column that names what a row belongs to, of kinds whose rows stay together: the query of a candidate.
        missing_labels: Whether a row without a label is an error or left out.
        weight: The task's share of a mean over tasks, beside the others'; 0: it trains, but does not count.
        class_weights: What a label counts in the loss by its class, of kinds with one class a row or token: by name, or
            `balanced`, so that all classes count alike together. Only their ratios matter.
        weight_column: Column of train that says what a row counts in the loss, 0 or above. Only ratios matter.
        unlabelled: A table beside train, by its file's name without the ending, of the same inputs without labels: what
            a teacher may label (`kd.rows`).
    """

    kind: str
    label: str
    metric: str
    loss: str | None = None
    group: str | None = None
    classes: int | tuple[Text, ...] | None = None
    format: Literal["names", "positions", "indicator"] = "names"
    threshold: float | None = None
    missing_labels: Literal["error", "skip"] = "error"
    weight: NonNegativeFloat = 1.0
    class_weights: Literal["balanced"] | Annotated[dict[Text, PositiveFloat], MinLen(1)] | None = None
    weight_column: str | None = None
    unlabelled: str | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names that the manifest gives."""
        return self.classes if isinstance(self.classes, tuple) else ()


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A named list of tasks.

    Attributes:
        source: Where to get the tables, for a reader who lacks them.
        folder: Where the ``data`` folders lie, as seen from the manifest's own; of the catalogue, from the folder that
            holds all setups. None where they lie beside it, or there in a folder of the setup's name.
        shares_rows: Whether the tasks are single-input: labels of one table's rows, read from the same inputs.
    """

    name: str
    tasks: Mapping[str, TaskSpec]
    source: str | None = None
    folder: str | None = None
    shares_rows: bool = False
