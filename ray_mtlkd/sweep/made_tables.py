"""The tables of a sweep: each setup's as each encoder reads them."""

import functools
from collections.abc import Callable, Mapping

from ray_mtlkd import setups
from ray_mtlkd.console.live import duration
from ray_mtlkd.data.examples import SetupTables
from ray_mtlkd.data.features import pieces_of
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.setups.validated import ValidatedSetup
from ray_mtlkd.sweep.divided import DividedLayers
from ray_mtlkd.sweep.foreign import ForeignTeachers
from ray_mtlkd.sweep.held_states import PendingStates, StateSize, StateTables
from ray_mtlkd.sweep.plan import Key, Trial
from ray_mtlkd.sweep.space import SearchSpace


class MadeTables:
    """Makes each once, when a trial first asks for it.

    Args:
        space: What they are for.
        validated: The setups, by name.
        compute: Whether what pretrained layers make of the tables is put there by this process; else zeros stand for
            it.
        say: Told what is going on.

    Attributes:
        tables: By setup's name and by what the encoder asks of it.
        featurisers: What made them, packed, likewise.
        pending: Of tables in which zeros stand for states, what these are to be.
    """

    def __init__(
        self,
        space: SearchSpace,
        validated: Mapping[str, ValidatedSetup],
        *,
        compute: bool,
        say: Callable[[str], None],
    ) -> None:
        self.tables: dict[Key, SetupTables[Array]] = {}
        self.featurisers: dict[Key, bytes] = {}
        self.pending: dict[Key, PendingStates] = {}
        self._made: dict[Key, tuple[SetupTables[Array], PendingStates | None]] = {}
        self._validated = validated
        self._compute = compute
        self._say = say
        self._states = StateTables(most_bytes=space.resources.cache_gb * 2**30)
        self._taught = ForeignTeachers(space.teachers)
        self._featurised = functools.cache(lambda name, features: setups.featurise_and_pack(validated[name], features))

    @property
    def states(self) -> tuple[StateSize, ...]:
        """What layers of pretrained encoders that do not train leave of each setup."""
        return tuple(self._states.sizes)

    @property
    def divided(self) -> Mapping[Key, DividedLayers]:
        """Such layers of which none is left, since ways of sharing act in or between them."""
        return self._states.divided

    def of(self, trial: Trial) -> SetupTables[Array]:
        """A trial's tables.

        Raises:
            MtlkdError: where its encoder or a foreign teacher does not fit the setup; a group of such, where several do
                not.
        """
        key, architecture = trial.key, trial.configuration.architecture
        if key not in self.tables:
            self._say(f"featurising {trial.setup} for {architecture.encoder.name}")
            pieces, self.featurisers[key] = self._featurised(trial.setup, pieces_of(architecture.features))
            # what differs in which layers it takes as one mostly reads the same
            same = (trial.setup, self._states.readable(pieces, architecture))
            if same not in self._made:
                self._made[same] = self._make(pieces, architecture)
            self.tables[key], pending = self._made[same]
            if pending is not None:
                self.pending[key] = pending
        return self.tables[trial.key]

    def content(self, setup: str) -> dict[str, str]:
        """What decides the results of the setup's trials, by path."""
        encoders = (setups.content_of_encoder(features) for name, features in self.tables if name == setup)
        return {
            **setups.content_of(self._validated[setup]),
            **self._taught.content(setup),
            **{path: content for each in encoders for path, content in each.items()},
        }

    def _make(
        self, pieces: SetupTables[Array], architecture: Architecture
    ) -> tuple[SetupTables[Array], PendingStates | None]:
        """Tables with states or zeros in them, and what is to stand in the place of these."""
        made, left = self._states.plan(pieces, architecture)
        if left is not None and self._compute:
            if left.size.seconds:
                self._say(f"computing states of {made.name}: about {duration(left.size.seconds)} of one core")
            made, left = left.put(made, say=self._say), None
        return self._taught.teach(self._validated[made.name], made, say=self._say), left
