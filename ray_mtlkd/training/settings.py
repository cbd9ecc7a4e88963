"""The settings of one training run: all that is neither its strategy nor its architecture."""

import math
from collections.abc import Iterator
from typing import Annotated, Literal

from annotated_types import Ge, MinLen

from ray_mtlkd.decode import document, refuse
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.ranges import Fraction, Gpus, NonNegativeFloat, PositiveFloat, PositiveInt, Share, UnitInterval

Where = Literal["auto", "inline", "shared", "pool"]
TeacherSort = Literal["peak", "average", "ema"]
SoftNumbers = Literal["float32", "float16"]
DistilledRows = Literal["own", "unlabelled", "all", "confident"]
Finish = Literal["budget", "converged"]


SAME_FOR_ALL = ("steps", "batch_size", "sampling", "eval_every")
"""Keys of `training` that no strategy may set for itself: they are the budget, and how often it is looked at."""


@document
class Optimization:
    """How the model learns.

    Attributes:
        steps: The budget is ``steps`` x T task batches, for every strategy alike. A batch that all tasks share counts
            for every task that trains, also where it holds none of its labels.
        batch_size: Rows in one task batch; by task where the tasks differ. Groups (the candidates of a query) stay
            whole: a batch holds about so many rows, and at least one group.
        sampling: How the rows of a step are shared out between tasks that have rows of their own: ``equal``,
            ``proportional`` to their train rows, or by a temperature of 1 or above (1 is proportional, the higher the
            more equal; Arivazhagan et al. 2019, arXiv:1907.05019, section 3.2).
        accumulation: Parts that a batch goes through the network in: the same update (but for rounding and dropout)
            with fewer activations in memory; in return, every task's gradient of the shared parameters is kept.
        eval_every: Steps between two evaluations.
        lr: Learning rate of AdamW (of SparseAdam for hash tables), before ``schedule``.
        schedule: What becomes of it over the budget: it stays, or falls to 0 along half a cosine (Loshchilov and
            Hutter 2017, arXiv:1608.03983, eq. 5, without restarts). Batches that a rewind undoes count.
        warmup: Share of the budget over which it first rises from 0.
        start_by: Share of the budget: tasks that a curriculum has let wait until so much is spent start then, together.
            With 1 they wait for as long as it lets them, and may never start.
        finish: Whether the run goes on until its ``budget`` is spent, the same for all strategies, or ends once every
            task has ``converged``: sooner, but what tasks that distil would still win back is lost then.
        cooldown: Share of the budget over which the rate falls to 0 along half a cosine, whatever the schedule, to end
            with the run: with the budget, or, where ``finish`` is ``converged``, from where every task has; see
            `ray_mtlkd.training.tail`.
        weight_decay: Decoupled (Loshchilov and Hutter 2019, arXiv:1711.05101), on dense parameters.
        clip_norm: Largest norm of the whole gradient; None leaves it as it is.
        label_smoothing: Share of the target that goes evenly to all classes (Szegedy et al. 2016, arXiv:1512.00567,
            section 7); labels that are numbers and soft labels are left as they are.
        ema: Decay of the moving average of the parameters that is evaluated, kept and taken as teacher;
            min(ema, (1 + n) / (10 + n)) after n steps. None uses the parameters themselves. Its cost grows with hash
            tables.
        precision: ``bf16`` runs the forward and backward passes of training in mixed precision (torch.autocast); hash
            tables stay in single precision, and so do evaluations.
    """

    steps: PositiveInt = 600
    batch_size: PositiveInt | Annotated[dict[str, PositiveInt], MinLen(1)] = 64
    sampling: Literal["equal", "proportional"] | Annotated[float, Ge(1)] = "equal"
    accumulation: PositiveInt = 1
    eval_every: PositiveInt = 25
    lr: PositiveFloat = 3e-3
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Share = 0.0
    start_by: Fraction = 0.6
    finish: Finish = "budget"
    cooldown: Share = 0.0
    weight_decay: NonNegativeFloat = 0.0
    clip_norm: PositiveFloat | None = None
    label_smoothing: Share = 0.0
    ema: Share | None = None
    precision: Literal["fp32", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        refuse(self._contradictions())

    def _contradictions(self) -> Iterator[MtlkdError]:
        if isinstance(self.batch_size, dict) and self.sampling != "equal":
            fix = "give one batch size, or leave sampling out"
            yield MtlkdError("sampling shares out one batch size, not one by task", where="sampling", fix=fix)
        least = min(self.batch_size.values()) if isinstance(self.batch_size, dict) else self.batch_size
        if least < self.accumulation:
            fix = f"make it at most {least}, or the batch larger"
            what = f"a batch of {least} rows cannot be cut into {self.accumulation} parts"
            yield MtlkdError(what, where="accumulation", fix=fix)
        if self.eval_every > self.steps:
            what = f"{self.eval_every} is beyond the {self.steps} steps: nothing would be evaluated"
            yield MtlkdError(what, where="eval_every", fix=f"make it at most {self.steps}")

    def rate(self, share: float) -> float:
        """Learning rate of the step that ends when ``share`` in (0, 1] of the budget is spent."""
        if share < self.warmup:
            return self.lr * share / self.warmup
        if self.schedule == "constant":
            return self.lr
        return self.lr * 0.5 * (1.0 + math.cos(math.pi * (share - self.warmup) / (1.0 - self.warmup)))


@document
class Convergence:
    """When a task counts as converged: without gain for ``patience`` evaluations *and* ``patience_epochs`` epochs.

    Of a large table, several evaluations may lie in one epoch, and of a small one, several epochs between two
    evaluations: each of the two alone is too hasty for some table of a setup. See
    `ray_mtlkd.training.evaluation.convergence` for the rule.

    Attributes:
        patience: Evaluations without gain; 1 leaves it to the epochs.
        patience_epochs: Epochs of the task's own train table without gain; 0 leaves it to the evaluations. Of tasks
            that label the rows of one table, epochs of that table.
        min_epochs: Likewise, before which no task counts as converged: at first, some metrics stand still.
        min_delta: What counts as a gain at least, in the unit of the task's metric.
        smoothing: Evaluations whose mean is looked at; 1 takes each as it is. The teacher is the best single one.
        noise: A gain must also be above so many of its standard errors, those of what the same two models would gain
            on other validation rows; 0 takes every gain. Metrics that are not of this package have none.
    """

    patience: PositiveInt = 5
    patience_epochs: NonNegativeFloat = 2.0
    min_epochs: NonNegativeFloat = 3.0
    min_delta: NonNegativeFloat = 0.0
    smoothing: PositiveInt = 5
    noise: NonNegativeFloat = 0.5


@document
class Distillation:
    """Who teaches a converged task, and how it learns from its soft labels.

    Attributes:
        teacher: ``peak``: the model of the task's best evaluation. ``average``: the mean of the parameters at its
            ``average_of`` best ones (a uniform soup, Wortsman et al. 2022, arXiv:2203.05482), of which one relabels
            where k models' predictions would take k; as many models are kept for each task that still learns. ``ema``:
            the moving average of the parameters at its best evaluation (Tarvainen and Valpola 2017, arXiv:1703.01780),
            which takes part in nothing else, unlike that of ``training.ema``; models are kept at twice their size. Of
            both, the validation metric is measured where they relabel.
        average_of: Evaluations.
        ema: Decay of the moving average that teaches, d in `training.ema`'s formula.
        temperature: τ on both sides of the divergence from the teacher, gradients scaled by τ² (Hinton et al. 2015).
        kd_weight: Factor on the distillation loss. ``auto`` measures it at the task's switch: the largest up to 1 under
            which the loss pulls at the shared parameters at most ``pull`` times as hard as the loss on labels did, in
            the root mean square of gradient norms over up to 8 batches of the task's own table. Each of these goes
            backward twice and counts as two task batches; a measurement takes a hundredth of the budget at most.
            A student that has not moved on from its teacher by then is not pulled at all: its weight is 1, and
            measured once more at the next evaluation. It is 1 for good where the budget leaves no batch to measure by,
            and where a task has soft labels from the first step, unless it goes back to its labels: one that distils
            again after that is weighed anew.
        pull: What ``auto`` aims at, in (0, 1].
        every: A task that distils takes a batch in one of so many physical steps, as long as others learn from labels:
            these get what it saves of the budget.
        label_weight: Share w of the loss that stays with the labels: ``w`` times the loss on labels plus ``1 - w``
            times ``kd_weight`` times the distillation loss. 0: the teacher replaces the labels. ``anneal``: w rises
            from 0 at the switch to 1 at the end of the budget (teacher annealing, Clark et al. 2019,
            arXiv:1907.04829).
        rows: Which rows a teacher labels, and the task distils from: ``own``, those of train that it has labels of;
            ``unlabelled``, also those of its table of that name in the manifest; ``all``, also those that other tasks
            train on and it can read (the same columns, or texts, as the other task's features have them);
            ``confident``, of what ``all`` adds where the teacher is sure, or all of it where the task's kind knows no
            probabilities (numbers, rankings). What is added takes the place of own rows in the task's batches, each row
            as often as any other, and counts what labels do on average. ``auto`` weighs by own rows. Teachers from
            elsewhere have labelled own rows alone.
        confidence: Least probability of what the teacher holds likeliest, for it to be sure of a row; of several
            answers a row (labels, tags), the mean.
        soft_labels: How a soft label's numbers are stored.
        top_k: Classes kept of each soft label, the likeliest, whose probabilities then add up to one; None for all.
            Of tasks with one answer of several (multiclass, tagging).
    """

    teacher: TeacherSort = "peak"
    average_of: PositiveInt = 3
    ema: Share = 0.99
    temperature: PositiveFloat = 1.0
    kd_weight: Literal["auto"] | PositiveFloat = "auto"
    pull: Fraction = 1.0
    every: PositiveInt = 8
    label_weight: Literal["anneal"] | Share = 0.0
    rows: DistilledRows = "own"
    confidence: UnitInterval = 0.9
    soft_labels: SoftNumbers = "float32"
    top_k: PositiveInt | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        if self.rows != "own" and self.label_weight != 0:
            fix = "set label_weight to 0, or rows to own"
            refuse([MtlkdError(f"of {self.rows} rows, many have no label to weigh", where="label_weight", fix=fix)])


@document
class Relabelling:
    """Where a teacher predicts its training table.

    Attributes:
        where: In the trial, in actors that the sweep shares, in a Ray Data actor pool, or whichever is cheapest.
        pool_size: Actors of a pool, and of those that the sweep shares.
        gpus_per_actor: Above 0: they predict on a GPU, of which each takes so much.
    """

    where: Where = "auto"
    pool_size: PositiveInt = 2
    gpus_per_actor: Gpus = 0.0

    def __post_init__(self) -> None:
        """Refuse GPUs where no actor is asked for."""
        if self.gpus_per_actor and self.where not in {"shared", "pool"}:
            fix = "set `where` to shared or pool; auto and inline predict where the trial does"
            refuse([MtlkdError(f"{self.where} has no actors to give GPUs to", where="gpus_per_actor", fix=fix)])
