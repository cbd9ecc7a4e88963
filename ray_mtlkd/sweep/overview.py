"""The sweep's own run in TensorBoard: which columns the table of trials has, and what came of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from torch.utils.tensorboard import SummaryWriter

from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.sweep.scalars import SCORE, metric_tag
from ray_mtlkd.sweep.tensorboard import event_folder, hparams_summary, hyper_parameters
from ray_mtlkd.sweep_folder import SweepFolder

RUN = "sweep"
"""Its folder among those of setups, which hold no event files themselves."""
_ABOUT = ("Seed", "Setup", "Stage", "Strategy")


def write_columns(sweep: SweepFolder, trials: Iterable[Trial], tasks: Iterable[str]) -> None:
    """Say which hyper-parameters and metrics TensorBoard's table of trials has; it shows no others.

    Args:
        sweep: What an earlier run of it said is taken back.
        trials: One of each configuration.
        tasks: Of all setups.
    """
    folder = sweep.tensorboard.child(RUN)
    folder.clear()
    about = api_pb2.Experiment(
        hparam_infos=_hyper_parameters([hyper_parameters(trial) for trial in trials]),
        metric_infos=_metrics(list(dict.fromkeys(tasks))),
    )
    with event_folder(folder) as path, SummaryWriter(str(path)) as writer:
        writer.file_writer.add_summary(hparams_summary(metadata.EXPERIMENT_TAG, experiment=about))


def write_verdict(sweep: SweepFolder, *, verdict: str, gains: bytes | None) -> None:
    """Say what came of it: in words, and as the figure of average gains, a PNG, where there is one."""
    with event_folder(sweep.tensorboard.child(RUN)) as path, SummaryWriter(str(path)) as writer:
        writer.add_text("verdict", verdict, 0)
        if gains is not None:
            image = Summary.Image(encoded_image_string=gains, colorspace=4)
            writer.file_writer.add_summary(Summary(value=[Summary.Value(tag="gains", image=image)]), 0)


def _hyper_parameters(trials: Sequence[Mapping[str, Any]]) -> Iterator["api_pb2.HParamInfo"]:
    """What tells trials apart: who they are, what is swept within a strategy, and what strategies differ by.

    TensorBoard puts first what is said to differ.
    """
    names = list(dict.fromkeys(name for trial in trials for name in trial))
    swept = {name for name in names if name in _ABOUT or _differs(trials, name, within=("Setup", "Strategy"))}
    for name in names:
        if name in swept or _differs(trials, name, within=("Setup",)):
            yield api_pb2.HParamInfo(name=name, type=_type(trials, name), differs=name in swept)


def _metrics(tasks: Sequence[str]) -> Iterator["api_pb2.MetricInfo"]:
    """Final metrics, in the order in which TensorBoard shows them."""
    for tag in (SCORE, *(metric_tag("test", task) for task in tasks), *(metric_tag("valid", task) for task in tasks)):
        yield api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag))


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
