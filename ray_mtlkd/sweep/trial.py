"""One Tune trial: build the job, train it, write its records. Reused workers start each trial from nothing."""

import math
import platform
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
import torch
from ray import tune
from ray.exceptions import ObjectLostError, OutOfMemoryError, RayActorError, RaySystemError

from ray_mtlkd.data.device import choose_device, keep_memory, within_memory
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.model_folder import Origin, save
from ray_mtlkd.records import TrialEnd
from ray_mtlkd.sweep.archive import write_records
from ray_mtlkd.sweep.common_folder import Sight
from ray_mtlkd.sweep.plan import Key, Trial
from ray_mtlkd.sweep.predictions import PredictionKeeper
from ray_mtlkd.sweep.pulse import Pulse, PulseSettings, beating
from ray_mtlkd.sweep.relabel import Relabeller, SharedActors
from ray_mtlkd.sweep.results import records_of
from ray_mtlkd.sweep.schema import KeepModels
from ray_mtlkd.sweep.tensorboard import TrialWriter, event_folder, hyper_parameters
from ray_mtlkd.sweep_folder import SweepFolder
from ray_mtlkd.training.job import Chosen, Job, Keep, Outcome
from ray_mtlkd.training.run import train
from ray_mtlkd.training.state.progress import Evaluation

_TELL_EVERY_S = 1.0
"""Least time between two evaluations of a trial that Tune hears of."""


@dataclass(frozen=True, kw_only=True)
class TrialContext:
    """What every trial of a sweep shares.

    Attributes:
        sweep: Identity of the sweep in the records.
        sight: What the worker must find where the sweep writes.
        tables: References to the setups' tables in the object store, wrapped so that Ray does not fetch them all.
        featurisers: References to what made them, packed, likewise.
        keep_models: Which trials leave their model.
        keep_predictions: Whether those of the replication leave their predictions.
        shared: Actors for relabelling, where some configuration may ask for them.
        cpus: Threads of a trial.
        gpus: Above 0: trials train on the GPU that Ray gives them.
        gradient_gb: What a trial's gradients by task may take.
    """

    sweep: str
    sight: Sight
    tables: Mapping[Key, Any]
    featurisers: Mapping[Key, Any]
    keep_models: KeepModels
    keep_predictions: bool
    shared: SharedActors | None
    cpus: int
    gpus: float
    gradient_gb: float
    checkpoint_every_s: float


def run_trial(config: Mapping[str, Any], pulse: PulseSettings) -> None:
    """Train one trial as far as it goes; one that cannot go on leaves failed records and ends like any other."""
    trial = Trial.loads(config["trial"])
    with beating(pulse, trial.name) as beat:  # whatever it waits for from here on
        context: TrialContext = pulse.context()
        _run(trial, context, _folder(context.sight), beat)


def _run(trial: Trial, context: TrialContext, folder: SweepFolder, pulse: Pulse) -> None:
    torch.set_num_threads(context.cpus)
    keep_memory()
    tables = ray.get(context.tables[trial.key])
    with event_folder(folder.tensorboard.child(trial.events)) as events:
        writer = TrialWriter(events, hyper_parameters=hyper_parameters(trial))
        progress = _Teller(writer)
        try:
            outcome = _train(trial, context, report=progress, folder=folder, pulse=pulse)
        except (OSError, RayActorError, RaySystemError, ObjectLostError, OutOfMemoryError, torch.AcceleratorError):
            # The cluster's, the storage's or the GPU's trouble, not the trial's: it runs again, in another worker,
            # since no process uses a GPU again that has failed it.
            raise
        except Exception as error:  # noqa: BLE001 - would fail again each time, and must not end the sweep
            end, results = _end_by(error, folder, trial), None
            writer.fail(end, batches=progress.batches)
        else:
            end, results = outcome.end, outcome.tasks
            writer.finish(tuple(table.task.name for table in tables.tasks), outcome)
        end = replace(end, stalls=pulse.stalls)
        write_records(folder, trial.name, records_of(trial, tables, sweep=context.sweep, end=end, results=results))
    if end.stopped_at is None:
        folder.checkpoints(trial.name).clear()
    rungs = [rung.score for rung in end.rungs]
    told = {"status": end.status, "score": end.score, "rungs": rungs, "is_over": end.stopped_at is None}
    tune.report({**told, "wall_s": end.wall_s, "share": 1.0})


def _folder(sight: Sight) -> SweepFolder:
    """Where the sweep writes; Tune tries a trial again that does not see it.

    Raises:
        OSError: where this node does not.
    """
    if not sight.is_clear():
        raise OSError(f"{sight.uri} is not on {platform.node()} what the driver wrote there")
    return SweepFolder.at(sight.uri)


def _train(trial: Trial, context: TrialContext, *, report: "_Teller", folder: SweepFolder, pulse: Pulse) -> Outcome:
    """Train on the device that the trial was given."""
    configuration = trial.configuration
    reference = context.tables[trial.key]
    with within_memory():
        tables = as_tensors(ray.get(reference), choose_device(context.gpus))
        relabeller = Relabeller(
            configuration.relabel,
            architecture=configuration.architecture,
            tables=reference,
            shared=context.shared,
            limit_s=pulse.limit_s,
            waiting=pulse.waiting,
        )
        wanted = context.keep_predictions and trial.stage == "replicate"
        predictions = PredictionKeeper(tables) if wanted else None
        keepers = [keeper for keeper in (_model_keeper(trial, context, folder), predictions) if keeper is not None]
        outcome = train(
            Job(
                tables=tables,
                configuration=configuration,
                seed=trial.seed,
                gradient_bytes=context.gradient_gb * 2**30,
            ),
            relabel=relabeller,
            report=report,
            storage=folder.checkpoints(trial.name),
            checkpoint_every_s=context.checkpoint_every_s,
            ladder=trial.ladder,
            keep=_all(keepers) if keepers else None,
        )
    if predictions is None:
        return outcome
    return replace(outcome, end=replace(outcome.end, predictions=predictions.write(folder, trial.name)))


def _all(keepers: Sequence[Keep]) -> Keep:
    """Tells each of them in turn."""

    def keep(chosen: Chosen) -> None:
        for keeper in keepers:
            keeper(chosen)

    return keep


def _model_keeper(trial: Trial, context: TrialContext, folder: SweepFolder) -> Keep | None:
    """What writes the trial's model where it is wanted, before the records say that the trial is over."""
    if context.keep_models == "none" or (context.keep_models == "replicates" and trial.stage != "replicate"):
        return None
    place = folder.models.child(trial.name)

    def keep(chosen: Chosen) -> None:
        save(
            place if chosen.own is None else place.child(chosen.own),
            chosen,
            featurisers=ray.get(context.featurisers[trial.key]),
            origin=Origin(
                sweep=context.sweep,
                setup=trial.setup,
                trial=trial.name,
                strategy=trial.strategy,
                stage=trial.stage,
                seed=trial.seed,
                step=chosen.step,
                score=chosen.score,
            ),
        )

    return keep


class _Teller:
    """Passes evaluations on to TensorBoard, and to Tune those that the sweep's progress is told by."""

    def __init__(self, writer: TrialWriter) -> None:
        self._writer = writer
        self._told = -math.inf
        self.batches = 0

    def __call__(self, evaluation: Evaluation) -> None:
        self.batches = evaluation.batches
        self._writer.tell(evaluation)
        if time.monotonic() - self._told >= _TELL_EVERY_S:
            # The trial stands still until the one driver of all trials has read it.
            share = evaluation.batches / evaluation.budget
            tune.report({"score": evaluation.score, "share": share, "step": evaluation.step})
            self._told = time.monotonic()


def _end_by(error: Exception, folder: SweepFolder, trial: Trial) -> TrialEnd:
    """What the records say of an error; a defect of the program also leaves its traceback."""
    if isinstance(error, MtlkdError):
        return TrialEnd(status="failed", error=str(error))
    name = folder.write_traceback(trial.name, "".join(traceback.format_exception(error)))
    said = f"{type(error).__name__}: {error} (a defect; its traceback is in {name})"
    return TrialEnd(status="defect", error=said)
