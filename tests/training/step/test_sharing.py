"""Every way of sharing, this package's and others': what a step does is what autograd says, whoever balances."""

import copy
import math
from dataclasses import dataclass, replace

import pytest
import torch

from ray_mtlkd.models.architecture import Architecture, penalty_of
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.encoders.mixed import MixedEncoder
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.encoders.transformer import Transformer
from ray_mtlkd.models.regularizers.block_sparse import BlockSparse
from ray_mtlkd.models.sharing import SHARING, MultitaskModel, split
from ray_mtlkd.strategies.balancers.sum_ import Sum
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.step.feed import feed
from ray_mtlkd.training.step.objective import Objective
from ray_mtlkd.training.step.trainer import Trainer
from tests.listening import listen, step
from tests.sharings import EVERY, Decay, Serial, SerialModel

STILL_MIXED = MixedEncoder(
    text=BagOfNgrams(hidden=(4, 2), dropout=0.0), columns=Mlp(hidden=(6, 4), dropout=0.0), join=5, dropout=0.0
)
STILL = {
    "mlp": ("shared_tables", Mlp(hidden=(6, 4), dropout=0.0)),
    "mlp, own rows": ("tables", Mlp(hidden=(6, 4), dropout=0.0)),
    "bag": ("hashed_tables", BagOfNgrams(hidden=(4, 2), dropout=0.0)),
    "cnn": ("shared_words", Cnn(embedding=4, channels=3, widths=(1, 3), wide=4, dropout=0.0, word_dropout=0.0)),
    "transformer": (
        "shared_words",
        Transformer(embedding=4, attention_heads=2, feedforward=6, dropout=0.0, word_dropout=0.0),
    ),
    "mixed": ("shared_mixed_tables", STILL_MIXED),
    "mixed, own rows": ("mixed_tables", STILL_MIXED),
}
OF_LAYERS = {"hybrid", "low_level", "cross_stitch", "sluice", "adapters"}
"""Ways of sharing that take one encoder's layers apart, and so no mixed one."""
BALANCERS = {"losses": {"name": "static", "balancer": {}}, "norms": "gradnorm", "gram": "pcgrad"}


def _architecture(sharing, encoder, **more):
    return Architecture(encoder=STILL[encoder][1], sharing=EVERY[sharing], **more)


@pytest.fixture
def trained(job, request):
    """Makes a job of an architecture on the tables that its encoder reads."""

    def make(balancer, encoder, architecture, gradient_bytes=math.inf, **training):
        tables = request.getfixturevalue(STILL[encoder][0])
        if balancer == "losses":
            weights = [1.0 + 0.5 * at for at in range(len(tables.tasks))]
            strategy = {"name": "static", "balancer": {"weights": [w * len(weights) / sum(weights) for w in weights]}}
        else:
            strategy = BALANCERS[balancer]
        settings = Optimization(steps=40, batch_size=16, eval_every=5, lr=1e-2, **training)
        given = job(strategy, of=tables, training=settings)
        configuration = replace(given.configuration, architecture=architecture)
        return replace(given, configuration=configuration, gradient_bytes=gradient_bytes)

    return make


def _gradients(trainer):
    """What the trainer's next step would hand to the optimizer, by name."""
    found = {}

    def note(_share, *, fall):
        trainer._optimizer.put_aside()
        aside = dict(zip(map(id, trainer._optimizer._tables), trainer._optimizer._aside, strict=True))
        for name, p in trainer._model.named_parameters():
            sparse = aside.get(id(p))
            dense = sum(part.to_dense() for part in sparse) if sparse else p.grad
            found[name] = torch.zeros_like(p) if dense is None else dense.detach().clone()

    trainer._optimizer.step = note
    return found


def _reference(job, model):
    """Each task's loss by plain autograd: gradients by name [T], and whether the task depends on the parameter."""
    objective = Objective(model, job.tables.tasks, job.configuration)
    names, parameters = zip(*model.named_parameters(), strict=True)
    totals = [dict.fromkeys(names, 0.0) for _ in job.tables.tasks]
    users = {name: set() for name in names}
    for batch in feed(job.tables, job.configuration.training, seed=job.seed).draw(range(len(job.tables.tasks))):
        found = model.outputs(batch.inputs, [target.task for target in batch.targets])
        kept = [
            out if target.outputs is None else out[target.outputs]
            for target, out in zip(batch.targets, found, strict=True)
        ]
        losses = objective.losses(batch.targets, kept, {})
        for at, target in enumerate(batch.targets):
            grads = torch.autograd.grad(losses[at], parameters, retain_graph=True, allow_unused=True)
            for name, gradient in zip(names, grads, strict=True):
                # losses of one kind go through one tensor: autograd then gives zeros for what others alone use
                if gradient is not None and gradient.to_dense().any():
                    users[name].add(target.task)
                    totals[target.task][name] = totals[target.task][name] + gradient.to_dense()
    return totals, users


@dataclass(frozen=True)
class Reference:
    """What autograd says of a new model: by name, each task's gradients [T], who has one, and the penalty's."""

    model: MultitaskModel
    totals: list
    users: dict
    pulled: tuple


@pytest.fixture(scope="module")
def reference():
    """Asks autograd once for all balancers: the same seed gives them the same model and the same batch."""
    found = {}

    def ask(case, job, model):
        if case not in found:
            new = copy.deepcopy(model)
            penalty = penalty_of(new, job.configuration.architecture)
            pulled = torch.autograd.grad(penalty, list(new.parameters()), allow_unused=True)
            found[case] = Reference(new, *_reference(job, new), pulled)
        for (name, first), second in zip(found[case].model.named_parameters(), model.parameters(), strict=True):
            assert torch.equal(first, second), name
        return found[case]

    return ask


_FEW = 600
"""Bytes of gradients that no model has room in."""
CASES = [(encoder, needs, 1, math.inf) for encoder in STILL for needs in BALANCERS]
CASES += [("mlp, own rows", "losses", 2, math.inf), ("bag", "gram", 2, math.inf)]
CASES += [
    ("mlp", "gram", 1, _FEW),
    ("bag", "norms", 1, _FEW),
    ("bag", "gram", 2, _FEW),
    ("mlp, own rows", "losses", 2, _FEW),
    ("mixed", "gram", 1, _FEW),
    ("mixed, own rows", "norms", 2, _FEW),
]
"""Encoders with their tables, what a balancer needs, the parts of a batch, and what gradients may take."""
SHARED_CASES = [
    (sharing, *case) for sharing in EVERY for case in CASES if sharing not in OF_LAYERS or "mixed" not in case[0]
]


@pytest.mark.parametrize(("sharing", "encoder", "needs", "parts", "most_bytes"), SHARED_CASES)
def test_a_step_is_the_weighted_sum_of_what_autograd_says(
    trained, reference, sharing, encoder, needs, parts, most_bytes
):
    architecture = _architecture(sharing, encoder, regularizers=(Decay(),))
    job = trained(needs, encoder, architecture, accumulation=parts, gradient_bytes=most_bytes)
    trainer, heard = listen(job)
    expected = reference((sharing, encoder, parts), job, trainer._model)
    model, totals = expected.model, expected.totals
    weights, state = job.configuration.strategy.balancer.weigh, trainer._state
    found = _gradients(trainer)
    step(trainer, model.num_tasks)
    said, _ = weights(heard[0], state)
    for (name, _), pull in zip(model.named_parameters(), expected.pulled, strict=True):
        factors = said.shared if len(expected.users[name]) > 1 else said.heads
        wanted = sum(factor * total[name] for factor, total in zip(factors, totals, strict=True))
        wanted = wanted + (0.0 if pull is None else pull)
        torch.testing.assert_close(found[name], wanted + torch.zeros_like(found[name]), atol=2e-5, rtol=2e-4)
    if needs == "norms":
        _assert_measured_at_every_last_shared_layer(heard[0].norms, model, totals)


WEIGHINGS = {
    "of losses": ("losses", 1, math.inf),
    "of losses, in parts": ("losses", 2, math.inf),
    "of losses, in parts, streamed": ("losses", 2, _FEW),
    "of norms": ("norms", 1, math.inf),
    "of a Gramian": ("gram", 1, math.inf),
    "of a Gramian, streamed": ("gram", 1, _FEW),
}
SHARING_IN_PART = {
    "low_level": EVERY["low_level"],
    "serial": EVERY["serial"],
    "interaction": SHARING["interaction"](direction="forward"),
    "in_turn": EVERY["in_turn"],
}
"""Ways of sharing in which tasks share what others do not use."""


@pytest.mark.parametrize("weighing", WEIGHINGS)
@pytest.mark.parametrize("encoder", ["mlp", "mlp, own rows"])
@pytest.mark.parametrize("sharing", SHARING_IN_PART)
def test_what_no_task_of_a_step_uses_stays_as_it_is(trained, sharing, encoder, weighing):
    needs, parts, most_bytes = WEIGHINGS[weighing]
    architecture = Architecture(encoder=STILL[encoder][1], sharing=SHARING_IN_PART[sharing])
    trainer = Trainer(trained(needs, encoder, architecture, accumulation=parts, gradient_bytes=most_bytes))
    model = trainer._model
    for _ in range(2):
        step(trainer, model.num_tasks)  # momentum, which must not go on
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trainer.step([0], soft={}, share=0.5)
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    used, shared = ({id(p) for p in found} for found in (model.used(0), model.shared()))
    assert moved == {name for name, p in model.named_parameters() if id(p) in used}
    assert shared - used


def _assert_measured_at_every_last_shared_layer(norms, model, totals):
    last = {id(p) for p in model.last_shared()}
    names = [name for name, p in model.named_parameters() if id(p) in last]
    squares = [
        sum((torch.as_tensor(total[name]).square().sum() for name in names), torch.tensor(0.0)) for total in totals
    ]
    torch.testing.assert_close(torch.tensor(norms), torch.stack(squares).sqrt(), atol=1e-5, rtol=1e-4)


def test_the_last_shared_layer_of_a_mixture_is_that_of_every_expert(trained):
    model = Trainer(trained("norms", "mlp", _architecture("mixture", "mlp")))._model
    layers = [expert.layers[-1] for expert in model.experts]
    assert {id(p) for p in model.last_shared()} == {id(p) for layer in layers for p in layer.parameters()}


def test_a_model_that_shares_what_its_heads_go_through_trains_without_the_split(trained):
    model = Trainer(trained("gram", "mlp", _architecture("in_turn", "mlp")))._model
    assert split(model) is None
    assert split(Trainer(trained("gram", "mlp", _architecture("hard", "mlp")))._model) is not None


class _Hiding(SerialModel):
    """Does not say that its heads go through others."""

    def uses_to_read(self, task):
        return ((self.heads[task],),)


class _Hidden(Serial):
    def build(self, encoder, tasks):
        return _Hiding(encoder, tasks)


def test_a_model_that_uses_more_than_it_says_is_refused(trained, refused):
    architecture = replace(_architecture("in_turn", "mlp"), sharing=_Hidden())
    with refused() as caught:
        Trainer(trained("gram", "mlp", architecture))
    assert caught.value.where == "sharing in_turn: uses"


class _OnTables(Decay):
    def penalty(self, model):
        return model.encoder.layers[0].hashed.table.weight.square().sum()


def test_a_penalty_on_a_hash_table_is_refused(trained, refused):
    architecture = _architecture("hard", "bag", regularizers=(_OnTables(),))
    with refused():
        Trainer(trained("losses", "bag", architecture))


class _OnOneOfTwo(Decay):
    def penalty(self, model):
        return model.encoder.ending.wide.table.weight.square().sum()


def test_of_several_hash_tables_the_one_that_a_penalty_is_on_is_named(trained, refused):
    architecture = _architecture("hard", "cnn", regularizers=(_OnOneOfTwo(),))
    with refused():
        Trainer(trained("losses", "cnn", architecture))


def test_a_step_ends_with_what_a_proximal_regularizer_does(trained):
    trainer = Trainer(trained("losses", "mlp", _architecture("hard", "mlp", regularizers=(BlockSparse(strength=1e3),))))
    step(trainer, 4)
    assert all((head.linear.weight == 0).all() for head in trainer.model.heads)
    assert any(head.linear.bias.any() for head in trainer.model.heads)


class _Broken(Decay):
    def penalty(self, model):
        return model.heads[0].linear.weight.sum() * torch.inf


def test_a_penalty_that_is_not_finite_is_an_error(trained, refused):
    trainer = Trainer(trained("losses", "mlp", _architecture("hard", "mlp", regularizers=(_Broken(),))))
    with refused():
        step(trainer, 4)


@dataclass(frozen=True, kw_only=True)
class _OfTwoMinds(Sum):
    def weigh(self, signals, state):
        weights, state = super().weigh(signals, state)
        return replace(weights, heads=(2.0,) * len(weights.heads)), state


def test_a_balancer_of_losses_that_weighs_heads_apart_is_refused(trained, refused):
    job = trained("losses", "mlp", _architecture("hard", "mlp"))
    strategy = replace(job.configuration.strategy, balancer=_OfTwoMinds())
    trainer = Trainer(replace(job, configuration=replace(job.configuration, strategy=strategy)))
    with refused():
        step(trainer, 4)
