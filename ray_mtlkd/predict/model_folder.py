"""A trained model as a folder that is complete by itself: columns of a table go in, predictions come out.

::

    model.safetensors      the parameters
    features.safetensors   the fitted featurisers (`setups.pack_featurisers`)
    held.safetensors       where a pretrained encoder is not trained as a whole: its weights that stay as they are
    model.json             architecture, tasks, where the model comes from, and a checksum of either file; written last

Nothing is pickled. A folder without ``model.json`` holds no model: its writer died.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from ray_mtlkd import setups
from ray_mtlkd.data.features import Layout
from ray_mtlkd.decode import unknown_name
from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.foreign import UnreadableError
from ray_mtlkd.foreign.tensors import check_fit, read_tensors
from ray_mtlkd.imports import Later
from ray_mtlkd.models.architecture import KEYS, Architecture, build, decode_architecture
from ray_mtlkd.models.encoders.pretrained import fill_held, held
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.records import Stage
from ray_mtlkd.seals import DamagedFileError, check_json, sealed_json
from ray_mtlkd.serial import dumps, fingerprint, loads
from ray_mtlkd.setups import Featuriser
from ray_mtlkd.storage import Storage, absolute, join_uri, reaching, split_uri
from ray_mtlkd.sweep_folder import BEST, BestModel
from ray_mtlkd.tasks.check import check_sound
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.job import Chosen

_frames = Later("ray_mtlkd.predict.frames")  # which is made of functions of kept models
_HEAD, _PARAMETERS, _FEATURES, _HELD = "model.json", "model.safetensors", "features.safetensors", "held.safetensors"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a model comes from.

    Attributes:
        step: Of the trial, that the parameters are of.
        score: On validation.
    """

    sweep: str
    setup: str
    trial: str
    strategy: str
    stage: Stage
    seed: int
    step: int
    score: float


@dataclass(frozen=True, kw_only=True)
class _TaskPart:
    """One task of the model, and what each column holds that it reads."""

    task: Task
    layout: Layout
    columns: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class _ModelHead:
    teacher: str
    architecture: dict[str, Any]
    tasks: tuple[_TaskPart, ...]
    origin: Origin
    files: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class KeptModel:
    """A model that is ready to predict.

    Attributes:
        uri: Its folder.
        teacher: Hash of parameters, architecture and features: the same teacher gives the same predictions.
        model: On the CPU, in evaluation mode.
        featurisers: By task.
    """

    uri: str
    teacher: str
    model: MultitaskModel
    tasks: tuple[Task, ...]
    featurisers: Mapping[str, Featuriser]
    origin: Origin

    def index(self, task: str) -> int:
        """The place of a task in the model.

        Raises:
            MtlkdError: listing the tasks, where it is none of them.
        """
        names = [known.name for known in self.tasks]
        if task not in names:
            raise unknown_name(task, names, what="task", where=self.uri)
        return names.index(task)

    def predict(
        self,
        frame: Any,
        *,
        tasks: str | Sequence[str] | None = None,
        probabilities: bool = False,
        allow_unseen: float = 0.5,
    ) -> Any:
        """What the model says of each row of a frame, in the terms of the labels that it learned.

        >>> import ray_mtlkd
        >>> model = ray_mtlkd.load_model(folder)  # models/TRIAL of a sweep
        >>> model.predict({"text": ["pay now", "hello"]}, tasks="intent").column_names
        ['intent_prediction', 'intent_probability']

        Args:
            frame: Of pandas or polars, a table of Arrow's, or a mapping of columns; has those that the tasks read.
            tasks: Those that are asked; None for all.
            probabilities: Whether every class has its probability too, where labels are no numbers.
            allow_unseen: Share of a column's categories that train need not have shown.

        Returns:
            The columns that `ray_mtlkd.predict_table` describes, of all tasks: a frame of pandas with the same index
            where one was given, else a table of Arrow's.

        Warns:
            TableWarning: of categories that train never showed, and of cells that are read as missing.

        Raises:
            MtlkdError: where the frame is none, has no rows, or a column does not fit; ExceptionGroup of them, where
                several do not.
        """
        return _frames.predict_frame(self, frame, tasks=tasks, probabilities=probabilities, allow_unseen=allow_unseen)


def save(storage: Storage, chosen: Chosen, *, featurisers: bytes, origin: Origin) -> None:
    """Write a model: whole or not at all, and the same bytes each time.

    Args:
        storage: A folder of the model's own.
        chosen: The model, and what it was trained on.
        featurisers: Those of its tasks, packed; others may be among them.
        origin: Where it comes from.
    """
    tables = chosen.job.tables.tasks
    fitted = setups.unpack_featurisers(featurisers, where=f"setup {origin.setup}")
    own = {table.task.name: fitted[table.task.name] for table in tables}
    parameters = {key: tensor.cpu().clone() for key, tensor in chosen.model.state_dict().items()}
    contents = {_PARAMETERS: safetensors.torch.save(parameters), _FEATURES: setups.pack_featurisers(own)}
    if stays := {name: tensor.cpu().contiguous() for name, tensor in held(chosen.model).items()}:
        contents[_HELD] = safetensors.torch.save(stays)
    described = chosen.job.configuration.architecture.describe()
    parts = tuple(
        _TaskPart(
            task=table.task,
            layout=table.layout,
            columns={name: rule.sort for name, rule in own[table.task.name].rules.items()},
        )
        for table in tables
    )
    files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    head = _ModelHead(
        teacher=_teacher(described, parts, files), architecture=described, tasks=parts, origin=origin, files=files
    )
    if storage.read(_HEAD) is not None:
        storage.delete(_HEAD)  # the trial runs again: until it has ended, here is no model
    for name, content in contents.items():
        storage.write(name, content)
    storage.write(_HEAD, sealed_json(dumps(head, indent=1)))


def load_model(folder: str | Path, *, task: str | None = None) -> KeptModel:
    """A kept model, ready to predict.

    Args:
        folder: ``models/TRIAL`` of a sweep, or ``models/best/SETUP``, which names one: a path or a URI.
        task: Whose model to take where the trial has several, as under ``single_task``.

    Raises:
        MtlkdError: where it cannot be reached, or holds no sound model.
    """
    uri = absolute(str(folder))
    with reaching(uri):
        found = followed(Storage.at(uri))
        if task is not None and not holds_model(found) and task in found.folders():
            found = found.child(task)
        return load(found)


def followed(storage: Storage) -> Storage:
    """The folder of the model that a file of ``models/best`` names; any other folder as it is.

    Raises:
        MtlkdError: where such a file is damaged.
    """
    folder, name = split_uri(storage.uri)
    models, last = split_uri(folder)
    if last != BEST or not storage.is_file:
        return storage
    fix = "build the sweep's report anew, or name one of its models"
    try:
        data = check_json(Storage.at(folder).read(name) or b"")
    except DamagedFileError as error:
        raise MtlkdError(str(error), where=storage.uri, fix=fix) from error
    named = loads(BestModel, data, where=storage.uri, fix=fix).model
    return Storage.at(join_uri(models, named.rpartition("/")[2]))


def holds_model(storage: Storage) -> bool:
    """Whether a folder holds a model."""
    return _HEAD in storage.names()


def load(storage: Storage) -> KeptModel:
    """The model in a folder.

    Raises:
        MtlkdError: where there is none, or it is damaged.
    """
    head = _read_head(storage)
    contents = {name: _read(storage, name, sha256) for name, sha256 in head.files.items()}
    where = join_uri(storage.uri, _HEAD)
    places = {key: f"{where}: {key}" for key in KEYS}
    architecture = decode_architecture(head.architecture, places=places)
    tensors = {name: _tensors(storage, name, contents[name]) for name in (_PARAMETERS, _HELD) if name in contents}
    model = _model(architecture, head.tasks, tensors, where=where)
    fitted = setups.unpack_featurisers(contents[_FEATURES], where=join_uri(storage.uri, _FEATURES))
    if {name: featuriser.layout for name, featuriser in fitted.items()} != {
        part.task.name: part.layout for part in head.tasks
    }:
        raise _damaged("its features are of other tasks", join_uri(storage.uri, _FEATURES))
    return KeptModel(
        uri=storage.uri,
        teacher=head.teacher,
        model=model.eval(),
        tasks=tuple(part.task for part in head.tasks),
        featurisers=fitted,
        origin=head.origin,
    )


def _tensors(storage: Storage, name: str, content: bytes) -> dict[str, Tensor]:
    try:
        return read_tensors(content)
    except UnreadableError as error:
        raise _damaged(first_line(error), join_uri(storage.uri, name)) from error


def _model(
    architecture: Architecture, parts: Sequence[_TaskPart], tensors: Mapping[str, Mapping[str, Tensor]], *, where: str
) -> MultitaskModel:
    """The model with its tensors; it takes no memory before these fit."""
    for part in parts:
        check_sound(part.task, where=where)
    tasks = [(part.task, part.layout) for part in parts]
    try:
        with torch.device("meta"):
            outline = build(architecture, tasks)
        check_fit(outline.state_dict(), tensors[_PARAMETERS])
        check_fit(held(outline), tensors.get(_HELD, {}))
    except MtlkdError as error:
        raise _damaged(error.what, where) from error
    # numbers in the head, each right by itself, of which no layer can be made
    except (UnreadableError, RuntimeError, ValueError, TypeError, LookupError, OverflowError) as error:
        raise _damaged(first_line(error), where) from error
    model = build(architecture, tasks)
    model.load_state_dict(tensors[_PARAMETERS])
    fill_held(model, tensors.get(_HELD, {}))
    return model


def _read_head(storage: Storage) -> _ModelHead:
    data = storage.read(_HEAD)
    if data is None:
        is_best = split_uri(storage.uri)[1] == BEST
        below = [name for name in storage.folders() if storage.child(name).read(_HEAD) is not None]
        below += storage.names() if is_best else []
        some = "give a sweep's models/TRIAL, or models/best/SETUP once there is a report"
        fix = f"give the folder of one of its models: {', '.join(below)}" if below else some
        raise MtlkdError("no model here", where=storage.uri, fix=fix)
    where = join_uri(storage.uri, _HEAD)
    try:
        head = loads(_ModelHead, check_json(data), where=where, fix="")
    except DamagedFileError as error:
        raise _damaged("its checksum does not match", where) from error
    except MtlkdError as error:
        raise _damaged(error.what, where) from error
    if head.files.keys() - {_HELD} != {_PARAMETERS, _FEATURES}:
        raise _damaged("it names other files", where)
    if head.architecture.keys() != set(KEYS):
        raise _damaged("it describes no architecture", where)
    return head


def _read(storage: Storage, name: str, sha256: str) -> bytes:
    data = storage.read(name)
    if data is None:
        raise _damaged("the file is missing", join_uri(storage.uri, name))
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _damaged("its checksum does not match", join_uri(storage.uri, name))
    return data


def _damaged(what: str, where: str) -> MtlkdError:
    return MtlkdError(f"the model is damaged: {what}", where=where, fix="copy the folder again, or train again")


def _teacher(architecture: Mapping[str, Any], parts: Sequence[_TaskPart], files: Mapping[str, str]) -> str:
    """Hash of all that decides a prediction."""
    return fingerprint((architecture, parts, files))
