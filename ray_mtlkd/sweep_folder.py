"""The folder that a sweep writes: every name in it, once.

::

    space.yaml       the search space, which may be read from anywhere
    manifests/       of its setups, with the folder that their tables are in
    sweep.json       what makes it the same sweep, piece by piece, versions, and checksums of the two above
    driver-*.json    of the process that drives the sweep, while it does
    records/         one Parquet file a finished trial, later many trials a file; all that a report needs
    classical/       one Parquet file a setup: what classical models reach on its tasks
    models/          one folder a trial that keeps its model: `ray_mtlkd.predict.model_folder`
    models/best/     one file a setup, once there is a report: the name of the model to take
    predictions/     one Parquet file a replicate trial: validation and test rows, `ray_mtlkd.predicted`
    checkpoints/     of trials that have not finished
    errors/          tracebacks of trials that a defect ended
    tensorboard/     setup/strategy/stage/trial, and the sweep's own run
    wandb/           offline runs of Weights & Biases, where the search space asks for them here
    tune/            Ray Tune's own bookkeeping
    report/          what was made of the records, where no other place was asked for
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.seals import DamagedFileError, check_json
from ray_mtlkd.serial import loads
from ray_mtlkd.storage import Storage, join_uri

SPACE, HEAD, MANIFESTS = "space.yaml", "sweep.json", "manifests"
DRIVER = re.compile(r"driver-\w+\.json")
CLASSICAL_FILE = "classical.parquet"
"""Classical models that somebody put into the folder by hand: of any setups, in one file."""
BEST = "best"
"""Beside the models: the folder of the files that name those to take."""
PARQUET = ".parquet"
"""How the names of records and of classical models end."""


@dataclass(frozen=True, kw_only=True)
class BestModel:
    """What a file among the best ones says, sealed, as JSON.

    Attributes:
        model: Name of a folder of models.
    """

    model: str


@dataclass(frozen=True)
class SweepFolder:
    """A sweep's folder, and what lies where in it."""

    root: Storage

    @classmethod
    def at(cls, uri: str) -> "SweepFolder":
        """The folder at a local path or URI.

        Raises:
            MtlkdError: where pyarrow does not know such a place.
        """
        return cls(Storage.at(uri))

    @property
    def uri(self) -> str:
        """As messages show it."""
        return self.root.uri

    def described(self, name: str) -> bytes | None:
        """The search space, or a manifest, as the sweep wrote it; None where there is none.

        Raises:
            MtlkdError: where it is not what was written, by what the sweep's head says of it.
        """
        data, head = self.root.read(name), self.head()
        where, fix = join_uri(self.uri, HEAD), "start a new sweep with another `--out`"
        told = {} if head is None else loads(dict[str, Any], head, where=where, fix=fix).get("files", {})
        if not isinstance(told, dict):
            raise MtlkdError("damaged: `files` is no mapping", where=where, fix=fix)
        digest = told.get(name)
        if digest is None or (data is not None and hashlib.sha256(data).hexdigest() == digest):
            return data
        raise MtlkdError(
            "missing" if data is None else "damaged, or changed by hand: it is not what the sweep wrote",
            where=join_uri(self.uri, name),
            fix=f"put back what was there, or go on from a search space of your own (`SPACE.yaml --resume {self.uri}`)",
        )

    def head(self) -> bytes | None:
        """JSON that says what makes it the same sweep; None where there is no sweep.

        Raises:
            MtlkdError: where it is damaged.
        """
        data = self.root.read(HEAD)
        try:
            return None if data is None else check_json(data)
        except DamagedFileError as error:
            fix = "start a new sweep with another `--out`"
            raise MtlkdError(str(error), where=join_uri(self.uri, HEAD), fix=fix) from error

    @property
    def manifests(self) -> Storage:
        """Of the setups that are not built in."""
        return self.root.child(MANIFESTS)

    @property
    def records(self) -> Storage:
        """Of finished trials."""
        return self.root.child("records")

    @property
    def classical(self) -> Storage:
        """Classical models."""
        return self.root.child("classical")

    @property
    def models(self) -> Storage:
        """Of trials that keep theirs."""
        return self.root.child("models")

    @property
    def best(self) -> Storage:
        """Files that name models."""
        return self.models.child(BEST)

    @property
    def predictions(self) -> Storage:
        """Of trials that keep theirs."""
        return self.root.child("predictions")

    @property
    def tensorboard(self) -> Storage:
        """Event files."""
        return self.root.child("tensorboard")

    @property
    def tune(self) -> Storage:
        """Ray Tune's."""
        return self.root.child("tune")

    @property
    def report(self) -> Storage:
        """Where a report goes that was not sent elsewhere."""
        return self.root.child("report")

    @property
    def open_trials(self) -> Storage:
        """A folder for each trial that has begun and not ended."""
        return self.root.child("checkpoints")

    def checkpoints(self, trial: str) -> Storage:
        """A trial's, while it runs."""
        return self.open_trials.child(trial)

    def write_traceback(self, trial: str, text: str) -> str:
        """Keep what a defect left; returns where, as seen from the folder."""
        name = f"errors/{trial}.txt"
        self.root.write(name, text.encode())
        return name
