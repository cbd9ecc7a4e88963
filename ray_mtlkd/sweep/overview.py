"""The sweep's own run in TensorBoard: which columns the table of trials has, and what came of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from torch.utils.tensorboard import SummaryWriter

from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.sweep.tensorboard import SCORE, event_folder, hyper_parameters, metric_tag
from ray_mtlkd.sweep_folder import SweepFolder

RUN = "sweep"
"""Its folder among those of setups, which hold no event files themselves."""
_ABOUT = ("strategy", "setup", "stage", "seed")


def write_columns(sweep: SweepFolder, trials: Iterable[Trial], tasks: Iterable[str]) -> None:
    """Say which hyper-parameters and metrics TensorBoard's table has, in this order; it shows no others.

    Args:
        sweep: What an earlier run of it said is taken back.
        trials: One of each configuration.
        tasks: Of all setups.
    """
    folder = sweep.tensorboard.child(RUN)
    folder.clear()
    known = [hyper_parameters(trial) for trial in trials]
    infos = [api_pb2.HParamInfo(name=name, type=_type(known, name)) for name in (*_ABOUT, *columns(known))]
    tags = [SCORE, *(metric_tag(split, task) for split in ("test", "valid") for task in dict.fromkeys(tasks))]
    metrics = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in tags]
    content = plugin_data_pb2.HParamsPluginData(
        experiment=api_pb2.Experiment(hparam_infos=infos, metric_infos=metrics), version=metadata.PLUGIN_DATA_VERSION
    )
    about = SummaryMetadata(
        plugin_data=SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=content.SerializeToString())
    )
    with event_folder(folder) as path, SummaryWriter(str(path)) as writer:
        writer.file_writer.add_summary(Summary(value=[Summary.Value(tag=metadata.EXPERIMENT_TAG, metadata=about)]))


def write_verdict(sweep: SweepFolder, *, verdict: str, gains: bytes | None) -> None:
    """Say what came of it: in words, and as the figure of average gains, a PNG, where there is one."""
    with event_folder(sweep.tensorboard.child(RUN)) as path, SummaryWriter(str(path)) as writer:
        writer.add_text("verdict", verdict, 0)
        if gains is not None:
            image = Summary.Image(encoded_image_string=gains, colorspace=4)
            writer.file_writer.add_summary(Summary(value=[Summary.Value(tag="gains", image=image)]), 0)


def columns(trials: Sequence[Mapping[str, Any]]) -> list[str]:
    """Hyper-parameters by which trials differ: those swept within a strategy, then those that strategies differ by."""
    names = list(dict.fromkeys(name for trial in trials for name in trial if name not in _ABOUT))
    swept = [name for name in names if _differs(trials, name, within=("setup", "strategy"))]
    return [*swept, *(name for name in names if name not in swept and _differs(trials, name, within=("setup",)))]


def _differs(trials: Sequence[Mapping[str, Any]], name: str, *, within: Sequence[str]) -> bool:
    """Whether trials that have these in common may differ by a hyper-parameter."""
    found: dict[tuple[Any, ...], Any] = {}
    return any(
        found.setdefault(tuple(trial[each] for each in within), trial.get(name)) != trial.get(name) for trial in trials
    )


def _type(trials: Sequence[Mapping[str, Any]], name: str) -> "api_pb2.DataType":
    """Of all values that it has; numbers sort as numbers."""
    values = [trial[name] for trial in trials if name in trial]
    if all(isinstance(value, bool) for value in values):
        return api_pb2.DATA_TYPE_BOOL
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return api_pb2.DATA_TYPE_FLOAT64
    return api_pb2.DATA_TYPE_STRING
