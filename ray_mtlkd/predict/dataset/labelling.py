"""Labels by a kept model: everything that can be found wrong before Ray starts, and the making of a part."""

from dataclasses import dataclass, replace

from ray_mtlkd import setups
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.dataset import source
from ray_mtlkd.predict.dataset.labels import Labeller, Settings, about, check_settings, schema
from ray_mtlkd.predict.dataset.output import PartLayout
from ray_mtlkd.predict.dataset.paths import find
from ray_mtlkd.predict.dataset.sample import look_at_sample
from ray_mtlkd.predict.dataset.source import DataSet
from ray_mtlkd.predict.dataset.work import Work
from ray_mtlkd.predict.model_folder import KeptModel, load, load_model
from ray_mtlkd.setups.requests import check_columns
from ray_mtlkd.storage import Storage, join_uri, reaching

ROWS_PER_PART = 100_000
"""Rows of a part, unless told: seconds to minutes of work, which is what a lost actor costs."""


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """A kept model labels rows.

    Attributes:
        model: Its folder.
        teacher: Its identity.
        settings: What is wanted of each row.
    """

    model: str
    teacher: str
    settings: Settings

    def begin(self, *, device: str) -> Labeller:
        """The model, read from its folder.

        Raises:
            MtlkdError: where another one is there now.
        """
        kept = load(Storage.at(self.model))
        if kept.teacher != self.teacher:
            fix = "keep the folder as it is while a data set is relabelled"
            raise MtlkdError("the model was replaced by another one", where=self.model, fix=fix)
        return Labeller(kept, self.settings, device=device)


def plan(
    *,
    model: str,
    data: str,
    out: str,
    settings: Settings,
    rows_per_part: int = ROWS_PER_PART,
    allow_unseen: float = 0.5,
) -> Work:
    """What is to be done, after whatever is in the output folder already; nothing is written.

    Args:
        model: Folder of a kept model.
        data: Parquet files: a folder, a file or a pattern.
        out: Folder of the labels: an absolute path or a URI, as the others are.
        settings: What is wanted of each row.
        rows_per_part: At most so many rows a part, rounded down to whole prediction batches.
        allow_unseen: Share of a column's categories that train need not have shown.

    Raises:
        MtlkdError: the only problem; ExceptionGroup of them, where there are several.
    """
    kept = load_model(model, task=settings.task)
    task = kept.tasks[kept.index(settings.task)]
    check_settings(settings, task)
    with reaching(data):
        found = _survey(data, kept, settings)
    layout = PartLayout.of(
        {"teacher": kept.teacher, **about(settings, task)},
        schema=schema(settings, task, [found.schema.field(name) for name in settings.key]),
        parts=source.cut(found.files, rows_per_part=rows_per_part, where=data),
        noun="labels",
        maker="teacher",
        stored={"use_dictionary": False, "write_statistics": ["row"]},
    )
    making = Labelling(model=kept.uri, teacher=kept.teacher, settings=settings)
    work = Work.left_of(making, source=found, layout=layout, out=out)
    if work.complete:
        return work
    return replace(work, warnings=look_at_sample(found, kept.featurisers[settings.task], allow_unseen=allow_unseen))


def _survey(data: str, kept: KeptModel, settings: Settings) -> DataSet:
    """The data set's files, all of which have the columns that are read."""
    storage, names = find(data)
    found = source.survey(storage, names)
    rules = kept.featurisers[settings.task].rules
    for file, columns in found:
        where = join_uri(storage.uri, file.name)
        check_columns(columns.names, dict(zip(settings.key, settings.key, strict=True)), where=where)
        setups.check_inputs(columns.empty_table(), rules, where=where)
    wanted = tuple(dict.fromkeys((*rules, *settings.key)))
    shared = source.same_columns(found, wanted, uri=storage.uri)
    return DataSet(uri=storage.uri, files=tuple(file for file, _ in found), schema=shared)
