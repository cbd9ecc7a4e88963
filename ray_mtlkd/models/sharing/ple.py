"""Progressive layered extraction: experts that all tasks share and experts of a task's own, level by level."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import Encoder, EncoderConfig, Stages
from ray_mtlkd.models.encoders.layers import Layer
from ray_mtlkd.models.sharing.gate import Gate
from ray_mtlkd.models.sharing.headed import HeadedModel, Tasks, build_encoder, side_by_side
from ray_mtlkd.ranges import SmallCount

Said = dict[tuple[str, int], tuple[Tensor, ...]]
"""What the experts of a track and a level say."""


@document
class LayeredExtraction:
    """PLE, Tang et al. 2020 (RecSys, doi:10.1145/3383313.3412236), section 4; with one level it is CGC there.

    Level j has experts of every task k and shared ones. A task's gate mixes its own and the shared experts, the shared
    gate mixes all, and experts of the next level read what their gate mixed:

        x_k^j = g_k^j(E_k^j(x_k^{j-1}), E_s^j(x_s^{j-1})),    x_s^j = g_s^j(E_1^j(x_1^{j-1}), …, E_s^j(x_s^{j-1}))

    The last level has no shared gate, and x_k of it goes to the task's head. Experts of the first level are whole
    encoders, those above one layer of the same width. Unlike there, gates read what they mix (`Gate`). Above the first
    level, tasks have experts in common where their representations are of one width: a tagger's are not those of texts.

    Attributes:
        shared: Shared experts a level, 1 or more.
        own: Experts of each task a level, 1 or more.
        levels: 1 or more; the paper has 2.
    """

    name: ClassVar[str] = "ple"
    whole_layers: ClassVar[int | None] = None

    shared: SmallCount = 1
    own: SmallCount = 1
    levels: SmallCount = 2

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "ExtractionModel":
        """Experts and gates of all levels, a head a task."""
        return ExtractionModel(self, encoder, tasks)


class ExtractionModel(HeadedModel):
    """See `LayeredExtraction`.

    A track is a line of experts and gates through all levels: ``"2"`` of task 2, ``"of_64"`` of what tasks of width 64
    share, ``"of_64_text_columns"`` of what those of such inputs do.

    Attributes:
        tracks: Of each task the shared one [T].
        reads: The tracks whose experts the gates of each track mix.
        peers: The tasks whose inputs a task's own experts of the first level read [T].
    """

    def __init__(self, extraction: LayeredExtraction, config: EncoderConfig, tasks: Tasks) -> None:
        super().__init__(len(tasks))
        self.levels = extraction.levels
        self.encoders = nn.ModuleList(build_encoder(config, tasks) for _ in range(extraction.shared))
        widths = [cast(Encoder, self.encoders[0]).width(task) for task in range(len(tasks))]
        self.tracks = ["_".join(("of", str(width), *of.sorts)) for width, (_, of) in zip(widths, tasks, strict=True)]
        alike = [[at for at, other in enumerate(self.tracks) if other == track] for track in self.tracks]
        self.reads = {track: (track, *map(str, of)) for track, of in zip(self.tracks, alike, strict=True)}
        self.reads |= {str(task): (track, str(task)) for task, track in enumerate(self.tracks)}
        self.peers = alike if self.levels > 1 else [[task] for task in range(len(tasks))]
        self.own_encoders = nn.ModuleList(
            nn.ModuleList(build_encoder(config, [tasks[peer] for peer in peers]) for _ in range(extraction.own))
            for peers in self.peers
        )
        self.add_heads(tasks, widths, config)
        self.experts = nn.ModuleDict()
        self.gates = nn.ModuleDict()
        sizes = {track: extraction.own if track.isdigit() else extraction.shared for track in self.reads}
        width_of = {track: width for at, width in enumerate(widths) for track in (self.tracks[at], str(at))}
        for level in range(1, self.levels + 1):
            for track, width in width_of.items():
                if level > 1:
                    layers = (Layer(width, width, dropout=config.dropout) for _ in range(sizes[track]))
                    self.experts[_at(track, level)] = nn.ModuleList(layers)
                if level < self.levels or track.isdigit():
                    self.gates[_at(track, level)] = Gate(width, sum(sizes[each] for each in self.reads[track]))

    def encode(self, inputs: Any, tasks: Sequence[int]) -> Sequence[tuple[Tensor, ...]]:
        """What the experts say that the task's last gate mixes."""
        shared = list(zip(*(encoder(inputs, tasks) for encoder in self.encoders), strict=True))
        first = [{(self.tracks[task], 1): said} for task, said in zip(tasks, shared, strict=True)]
        for owner, peers in enumerate(self.peers):
            readers = [at for at, task in enumerate(tasks) if task in peers]
            if readers:
                places = [peers.index(tasks[at]) for at in readers]
                encoders = cast(nn.ModuleList, self.own_encoders[owner])
                said = zip(*(encoder(inputs, places) for encoder in encoders), strict=True)
                for at, each in zip(readers, said, strict=True):
                    first[at][str(owner), 1] = each
        return [self._to_mix(str(task), self.levels, said) for task, said in zip(tasks, first, strict=True)]

    def refine(self, task: int, encoded: tuple[Tensor, ...]) -> Tensor:
        """What the task's last gate makes of the experts."""
        mixed: Tensor = self.gates[_at(str(task), self.levels)](encoded)
        return mixed

    def uses_to_represent(self, task: int) -> Stages:
        """The experts that the task's last gate mixes, and all that they read."""
        return self._stages_to_mix(str(task), self.levels, task)

    def uses_to_refine(self, task: int) -> Stages:
        """The task's last gate."""
        return ((self.gates[_at(str(task), self.levels)],),)

    def _to_mix(self, track: str, level: int, said: Said) -> tuple[Tensor, ...]:
        """What the experts say that the track's gate of the level mixes; ``said`` is what is known, and is added to."""
        return tuple(each for read in self.reads[track] for each in self._said(read, level, said))

    def _said(self, track: str, level: int, said: Said) -> tuple[Tensor, ...]:
        if (track, level) not in said:
            mixed = self.gates[_at(track, level - 1)](self._to_mix(track, level - 1, said))
            experts = cast(nn.ModuleList, self.experts[_at(track, level)])
            said[track, level] = tuple(expert(mixed) for expert in experts)
        return said[track, level]

    def _stages_to_mix(self, track: str, level: int, task: int) -> Stages:
        """What ``task``'s inputs go through in `_to_mix`."""
        return side_by_side([self._stages(read, level, task) for read in self.reads[track]])

    def _stages(self, track: str, level: int, task: int) -> Stages:
        if level > 1:
            before = self._stages_to_mix(track, level - 1, task)
            return (*before, (self.gates[_at(track, level - 1)],), (self.experts[_at(track, level)],))
        is_own = track.isdigit()
        encoders = cast(nn.ModuleList, self.own_encoders[int(track)]) if is_own else self.encoders
        place = self.peers[int(track)].index(task) if is_own else task
        return side_by_side([cast(Encoder, encoder).stages(place) for encoder in encoders])


def _at(track: str, level: int) -> str:
    return f"{track}_level_{level}"
