"""A whole sweep: what is left of its trials, and classical models beside them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ray

from ray_mtlkd.cluster.connection import Cluster
from ray_mtlkd.records import TrialEnd
from ray_mtlkd.shell import command
from ray_mtlkd.storage import reaching
from ray_mtlkd.sweep import archive, output
from ray_mtlkd.sweep.classical import computing
from ray_mtlkd.sweep.common_folder import Sight, check_nodes, check_records, sight_of
from ray_mtlkd.sweep.lock import Lock
from ray_mtlkd.sweep.losses import Losses
from ray_mtlkd.sweep.plan import Key, Trial
from ray_mtlkd.sweep.prepare import Prepared
from ray_mtlkd.sweep.relabel import start_shared
from ray_mtlkd.sweep.resources import check_room, shared_actors
from ray_mtlkd.sweep.results import records_of
from ray_mtlkd.sweep.run import SweepListener
from ray_mtlkd.sweep.searcher import PlanSearcher
from ray_mtlkd.sweep.state_pool import quickest, telling
from ray_mtlkd.sweep.trial import TrialContext
from ray_mtlkd.sweep.tuner import TuneRuns
from ray_mtlkd.sweep_folder import SweepFolder


@dataclass(frozen=True, kw_only=True)
class SweepWork:
    """What is left of a sweep, for this process to do.

    Attributes:
        prepared: What to run.
        head: What is known of the sweep.
        folder: Holds nothing or this sweep.
        listener: Told how it goes, and what is not as usual.
        ended: Told the name of a trial that has left records.
    """

    prepared: Prepared
    head: output.SweepHead
    folder: SweepFolder
    listener: SweepListener
    ended: Callable[[str], None]

    def run(self, cluster: Cluster, begin: Callable[[], Lock]) -> archive.Counts:
        """Run every trial that has no records yet, and the classical models; returns what became of all trials.

        Args:
            cluster: Where on.
            begin: Makes the folder this sweep's, which from then on this process drives.

        Raises:
            MtlkdError: where the cluster cannot hold a trial, a node does not see the folder, or records are not there
                of trials that have ended.
        """
        losses = Losses(say=self.listener.warn)
        searcher = self._search(losses)
        unmeasured = [
            setup
            for setup in self.prepared.for_classical
            if not output.has_classical(self.folder, setup.manifest.name, tasks=len(setup.manifest.tasks))
        ]
        if searcher.is_over and not unmeasured:
            return archive.count(self.folder)
        cluster.wait()
        tables: Mapping[Key, Any] = {}
        if not searcher.is_over:
            with cluster.watched(fix="start the cluster again, and give the same command"):
                check_room(self.prepared)
                tables = dict(self._tables())
        lock = begin()
        with computing(unmeasured, self.folder.uri, say=self.listener.warn):
            if not searcher.is_over:
                searcher = self._train(searcher, losses, tables, lock=lock, cluster=cluster)
        lock.check()
        return self._merged(searcher)

    def _search(self, losses: Losses) -> PlanSearcher:
        """What is left to train."""
        # Where what is tried follows from scores, what a lost trial made follow has run by now.
        known = archive.finished(self.folder, with_lost=self.prepared.plan.follows_scores)
        return PlanSearcher(
            self.prepared.plan, finished=known, losses=losses, on_lost=self._lose, on_let_go=self._let_go
        )

    def _lose(self, trial: Trial, reason: str) -> None:
        end = TrialEnd(status="lost", error=f"{reason}; see {self.folder.tune.uri}")
        records = records_of(trial, self.prepared.of(trial), sweep=self.head.sweep, end=end)
        archive.write_records(self.folder, trial.name, records)

    def _let_go(self, trial: Trial) -> None:
        self.folder.checkpoints(trial.name).clear()

    def _tables(self) -> Iterator[tuple[Key, Any]]:
        """References to the setups' tables in the object store, one after the other: of no two is a copy here."""
        say, prepare = self.listener.warn, self.listener.prepare
        put: dict[int, Any] = {}
        for key, tables in self.prepared.tables.items():
            pending = self.prepared.pending.get(key)
            if id(tables) not in put and pending is None:
                put[id(tables)] = ray.put(tables)
            elif id(tables) not in put and pending is not None:
                compute = telling(quickest(pending, say=prepare), say=prepare)
                put[id(tables)] = ray.put(pending.put(tables, compute=compute, say=say))
            yield key, put[id(tables)]

    def _train(
        self, searcher: PlanSearcher, losses: Losses, tables: Mapping[Key, Any], *, lock: Lock, cluster: Cluster
    ) -> PlanSearcher:
        """Let Tune run what is left, on nodes that see the folder; returns the last plan."""
        uri, resources = self.folder.uri, self.prepared.space.resources
        rest = command("ray-mtlkd", "sweep", "--resume", uri)
        with cluster.watched(fix=f"start the cluster again, and go on: {rest}"), reaching(uri, then=rest):
            sight = sight_of(uri)
            check_nodes(sight)
            runs = TuneRuns(
                context=self._context(tables, sight),
                resources=resources,
                folder=self.folder.tune,
                lock=lock,
                listener=self.listener,
                ended=self.ended,
            )
            return runs.finish(searcher, lambda: self._search(losses))

    def _context(self, tables: Mapping[Key, Any], sight: Sight) -> TrialContext:
        resources, shares = self.prepared.space.resources, shared_actors(self.prepared)
        return TrialContext(
            sweep=self.head.sweep,
            sight=sight,
            tables=tables,
            featurisers={key: ray.put(packed) for key, packed in self.prepared.featurisers.items()},
            keep_models=resources.keep_models,
            keep_predictions=resources.keep_predictions,
            shared=(start_shared(len(shares), gpus=shares[0], limit_s=resources.stall_s) if shares else None),
            cpus=resources.cpus,
            gpus=resources.gpus,
            gradient_gb=resources.gradient_gb,
            checkpoint_every_s=resources.checkpoint_every_s,
        )

    def _merged(self, searcher: PlanSearcher) -> archive.Counts:
        """What became of all trials, in one file."""
        with reaching(self.folder.uri):
            archive.merge(self.folder)
            found = archive.finished(self.folder, with_lost=True)
        check_records(self.folder.uri, ended=[*searcher.finished], found=[*found])
        return archive.counts(found)
