"""What a model promises, whatever its encoder and whoever shares what."""

import torch
from torch import Tensor, nn

from ray_mtlkd.data.inputs import Inputs, Mixed, Pair, take
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.sharing import MultitaskModel, sparse_tables
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.testing.base import expect
from ray_mtlkd.testing.examples import LENGTHS, Example

_SHUFFLED = (4, 0, 3, 1, 2)
_TOLERANCE = 1e-5
"""float32 sums in another order."""


def seeded(architecture: Architecture, examples: list[Example], *, seed: int = 0) -> MultitaskModel:
    """The model of some tasks, from a seed; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build(architecture, [(example.task, example.layout) for example in examples])


@torch.no_grad()
def check_outputs(model: MultitaskModel, task: int, example: Example) -> None:
    """Hold a task's outputs to their shape, and each row's to depend on that row alone."""
    inputs = example.inputs()
    before = _flat(inputs)
    outputs = model.eval()(task, inputs)
    expect(_same(before, _flat(inputs)), f"{example}: the forward pass writes into its inputs, which others read too")
    rule = KINDS[example.kind]
    shape = (sum(LENGTHS) if rule.per_token else len(LENGTHS), *(() if rule.is_scalar else (3,)))
    expect(outputs.shape == shape, f"{example}: outputs {tuple(outputs.shape)}, not {shape}")
    expect(outputs.dtype == torch.float32 and outputs.isfinite().all(), f"{example}: outputs are not finite float32")
    expect(torch.equal(model(task, inputs), outputs), f"{example}: an evaluation gives other outputs each time")
    alone = [model(task, take(inputs, torch.tensor([row]))) for row in range(len(LENGTHS))]
    shuffled = model(task, take(inputs, torch.tensor(_SHUFFLED)))
    for order, together in ((range(len(LENGTHS)), outputs), (_SHUFFLED, shuffled)):
        apart = torch.cat([alone[row] for row in order])
        independent = torch.allclose(together, apart, atol=_TOLERANCE, rtol=_TOLERANCE)
        expect(independent, f"{example}: a row's outputs depend on the other rows of its batch")


@torch.no_grad()
def check_content(model: MultitaskModel, task: int, example: Example) -> None:
    """Hold different rows to different outputs, and rows without a token to finite ones."""
    outputs = model.eval()(task, example.inputs((3, 4, 5)))
    expect(len(outputs.unique(dim=0)) == len(outputs), f"{example}: different rows have the same outputs")
    if example.form != "Dense":
        empty = model(task, example.inputs((0, 0)))
        rows = 0 if KINDS[example.kind].per_token else 2
        expect(len(empty) == rows and empty.isfinite().all(), f"{example}: rows without a token have no finite outputs")


def check_chance(architecture: Architecture, examples: list[Example]) -> None:
    """Hold initial values and dropout to torch's global generator."""
    model, same = (seeded(architecture, examples) for _ in range(2))
    pairs = zip(model.state_dict().values(), same.state_dict().values(), strict=True)
    expect(all(torch.equal(one, other) for one, other in pairs), "the seed does not fix the initial values")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        first = model(0, examples[0].inputs())
        torch.default_generator.manual_seed(1)
        again = model(0, examples[0].inputs())
    expect(torch.equal(first, again), f"{examples[0]}: in training, outputs do not follow torch's global generator")


def check_gradients(model: MultitaskModel, task: int, example: Example) -> None:
    """Hold a task's backward pass to reach all that it uses, nothing else, and hash tables by rows."""
    model.train().zero_grad(set_to_none=True)
    model(task, example.inputs()).square().sum().backward()
    used, tables = {id(p) for p in model.used(task)}, {id(p) for p in sparse_tables(model).values()}
    for name, parameter in model.named_parameters():
        reached = parameter.grad is not None
        if id(parameter) in used:
            expect(reached, f"{example}: {name} is said to be used, and gets no gradient")
            sparse = parameter.grad is not None and parameter.grad.is_sparse
            expect(sparse == (id(parameter) in tables), f"{example}: {name}: a sparse gradient, or none where due")
        else:
            expect(not reached, f"{example}: {name} gets a gradient, and is not said to be used")
    model.zero_grad(set_to_none=True)


def names_of(model: nn.Module, parameters: set[int]) -> list[str]:
    """Of the parameters with these identities."""
    return [name for name, p in model.named_parameters() if id(p) in parameters]


def _flat(inputs: Inputs[Tensor]) -> list[Tensor]:
    if isinstance(inputs, Mixed):
        return [tensor for part in inputs.by_part().values() for tensor in _flat(part)]
    if isinstance(inputs, Pair):
        return [*_flat(inputs.left), *_flat(inputs.right), inputs.overlap.clone()]
    return [each.clone() for each in vars(inputs).values() if isinstance(each, Tensor)]


def _same(before: list[Tensor], after: list[Tensor]) -> bool:
    return all(map(torch.equal, before, after))
