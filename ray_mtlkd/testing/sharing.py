"""What every way of sharing promises, and every penalty on a model's parameters."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.check import check_model, check_penalty
from ray_mtlkd.models.encoders import EncoderConfig
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.regularizers import REGULARIZERS, ProximalRegularizer, Regularizer
from ray_mtlkd.models.sharing import SHARING, HardSharing, MultitaskModel, SharingConfig, split
from ray_mtlkd.testing.base import expect, expect_structure
from ray_mtlkd.testing.examples import Example, examples_of
from ray_mtlkd.testing.known_layers import LAYERS, KnownLayers
from ray_mtlkd.testing.models import check_chance, check_gradients, check_outputs, names_of, seeded

_SMALL, _HARD = Mlp(hidden=(6, 4)), HardSharing()


def check_sharing(sharing: SharingConfig, *, encoder: EncoderConfig = _SMALL) -> None:
    """Hold a way of sharing to its contract: a model of a task of every kind that the encoder serves.

    A task's outputs have their shape and depend on their row alone; asked for together, tasks have the outputs that
    each has alone; `uses` names every parameter that a task's outputs depend on, as autograd sees it, and every
    parameter is some task's; where the forward pass has two parts, they give the same outputs; initial values follow
    torch's global generator; a penalty of the model's own is a finite number; and what the layers that it takes as one
    make may stand in their place.

    Args:
        sharing: Its configuration.
        encoder: With which.

    Raises:
        AssertionError: saying what is broken.
        MtlkdError: where `uses` names too little.
    """
    expect_structure(SHARING.misfit, sharing)
    architecture = Architecture(encoder=encoder, sharing=sharing)
    alike: dict[object, list[Example]] = {}
    for example in examples_of(encoder):
        if not example.is_pair:
            alike.setdefault((example.form, example.parts), []).append(example)
    for found in alike.values():
        examples = [*found, found[0]]
        model = seeded(architecture, examples)
        expect(isinstance(model, MultitaskModel), f"`build` gives a {type(model).__name__}, not a MultitaskModel")
        expect(model.num_tasks == len(examples), f"`num_tasks` is {model.num_tasks} for {len(examples)} tasks")
        check_model(model, [example.inputs() for example in examples], where=f"sharing {sharing.name}")
        trained = {id(p) for p in model.parameters() if p.requires_grad}
        unused = trained.difference(*({id(p) for p in model.used(t)} for t in _all(model)))
        expect(not unused, f"no task uses {', '.join(names_of(model, unused))}")
        for task, example in enumerate(examples):
            check_outputs(model, task, example)
            check_gradients(model, task, example)
        _check_together(model, examples)
        check_chance(architecture, examples)
        _check_penalty(model, lambda of: of.penalty())
        model.remember()
        _check_penalty(model, lambda of: of.penalty())
    _check_whole_layers(sharing)


def check_regularizer(regularizer: Regularizer, *, sharing: SharingConfig = _HARD) -> None:
    """Hold a regularizer to its contract: a finite number, the same each time, that pulls at some parameter.

    One that acts by a proximal step leaves the model as it is where the step is 0, and else changes it, the same way
    each time.

    Args:
        regularizer: Its configuration.
        sharing: Of the model that it is tried on.

    Raises:
        AssertionError: saying what is broken.
        MtlkdError: where it pulls at a hash table with sparse gradients.
    """
    expect_structure(REGULARIZERS.misfit, regularizer)
    architecture = Architecture(encoder=_SMALL, sharing=sharing)
    model = seeded(architecture, [Example("binary", "Dense"), Example("regression", "Dense")])
    pulls = _check_penalty(model, regularizer.penalty)
    if isinstance(regularizer, ProximalRegularizer):
        _check_shrink(model, regularizer)
        value = regularizer.value(model)
        expect(value.shape == () and value.isfinite(), f"`value` is {value}, not one finite number")
    else:
        expect(pulls, "`penalty` gives nothing")


def _check_shrink(model: MultitaskModel, regularizer: ProximalRegularizer) -> None:
    def shrunk(step: float) -> list[Tensor]:
        changed = copy.deepcopy(model)
        regularizer.shrink(changed, step=step)
        return [p.detach() for p in changed.parameters()]

    before = [p.detach() for p in model.parameters()]
    expect(all(map(torch.equal, shrunk(0.0), before)), "`shrink` changes parameters in a step of 0")
    once = shrunk(0.1)
    expect(not all(map(torch.equal, once, before)), "`shrink` changes nothing")
    expect(all(map(torch.equal, shrunk(0.1), once)), "`shrink` gives other parameters each time")


def _all(model: MultitaskModel) -> range:
    return range(model.num_tasks)


@torch.no_grad()
def _check_whole_layers(sharing: SharingConfig) -> None:
    """Where the first of `whole_layers` gives what all of them make and the others pass it on, outputs are the same."""
    held = LAYERS if sharing.whole_layers is None else min(LAYERS, sharing.whole_layers)
    if not held:
        return
    examples = examples_of(KnownLayers(held=held, known=False))
    found = []
    for known in (False, True):
        model = seeded(Architecture(encoder=KnownLayers(held=held, known=known), sharing=sharing), examples).eval()
        draw = torch.Generator().manual_seed(0)
        for p in model.parameters():  # what starts at 0 would hide where it acts
            p.add_(0.1 * torch.randn(p.shape, generator=draw))
        found.append([model(task, example.inputs()) for task, example in enumerate(examples)])
    same = all(torch.allclose(one, other, atol=1e-5, rtol=1e-5) for one, other in zip(*found, strict=True))
    expect(same, f"`whole_layers` is {sharing.whole_layers}, and it acts below or in the last of {held} layers")


def _check_together(model: MultitaskModel, examples: list[Example]) -> None:
    """Tasks that share a batch have the outputs that each has alone, whichever way the forward pass goes."""
    model.eval()
    inputs, tasks = examples[0].inputs(), list(_all(model))
    alone = [model(task, inputs) for task in tasks]
    ways = {"`outputs`": model.outputs(inputs, tasks)}
    parts = split(model)
    if parts is not None:
        ways["`represent` and `read_all`"] = parts.read_all(tasks, parts.represent(inputs, tasks), inputs)
    for way, together in ways.items():
        expect(len(together) == len(tasks), f"{way} of {len(tasks)} tasks gives {len(together)} tensors")
        same = all(torch.allclose(a, b, atol=1e-5, rtol=1e-5) for a, b in zip(together, alone, strict=True))
        expect(same, f"{way} of several tasks gives other outputs than each task alone")


def _check_penalty(model: MultitaskModel, penalty_of: Callable[[MultitaskModel], Tensor | None]) -> bool:
    """Whether there is a penalty; it is then a finite number, the same each time, that depends on a parameter."""
    penalty, again = penalty_of(model), penalty_of(model)
    if penalty is None or again is None:
        expect(penalty is again, "there is a penalty at times")
        return False
    expect(penalty.shape == () and penalty.isfinite(), f"the penalty is {penalty}, not one finite number")
    expect(torch.equal(penalty, again), "the penalty is another number each time")
    expect(penalty.requires_grad, "the penalty depends on no parameter")
    check_penalty(model, penalty, where="penalty")
    return True
