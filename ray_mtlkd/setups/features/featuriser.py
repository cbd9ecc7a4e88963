"""What makes a task's inputs from its columns, the same way in training and ever after."""

from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Array, Inputs
from ray_mtlkd.setups.columns import ColumnRule
from ray_mtlkd.setups.unseen import Unseen


class Featuriser(Protocol):
    """Fitted on a train table, frozen. A row's inputs depend on the fitted state and on that row alone."""

    @property
    def rules(self) -> Mapping[str, ColumnRule]:
        """How each column is read: ``tables.check_inputs`` brings a new table to that."""

    @property
    def example(self) -> Mapping[str, object]:
        """A row that it can read, as JSON has it."""

    @property
    def layout(self) -> Layout:
        """The shape of the inputs."""

    def transform(self, columns: pa.Table) -> Inputs[Array]:
        """Checked columns of any number of rows as inputs, row by row.

        Raises:
            MtlkdError: where vectors have another length than in train.
        """

    def unseen(self, columns: pa.Table) -> Mapping[str, Unseen]:
        """Checked columns that show categories which train never shows."""
