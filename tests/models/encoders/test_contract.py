"""The rules that every encoder keeps, for every kind of task and form of inputs that it serves."""

from dataclasses import dataclass, fields

import pytest
import torch

from ray_mtlkd.data.inputs import Bag, Dense, DenseTokens, Layout, Pair, Tokens, take
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders import ENCODERS
from ray_mtlkd.registry import decode_part
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.step.losses import losses

LENGTHS = [3, 1, 6, 2, 4]
BUCKETS, HASHES, COLUMNS, CODES, OVERLAP = 200, 3, 4, (5, 3), 2


def loss(task, outputs, labels):
    (value,) = losses([task], [outputs], [labels])
    return value


@dataclass(frozen=True)
class Case:
    """One kind of task on one form of inputs."""

    encoder: str
    kind: str
    form: str
    is_pair: bool = False

    @property
    def task(self):
        classes = () if self.kind in {"binary", "regression"} else ("O", "B-x", "I-x")
        return Task(name=f"{self.kind}_{self.form}", kind=self.kind, metric="-", classes=classes)

    @property
    def layout(self):
        return layout_of(self.form, is_pair=self.is_pair)


def layout_of(form, *, is_pair=False):
    return {
        "Dense": Layout(form=form, width=COLUMNS, cardinalities=CODES),
        "DenseTokens": Layout(form=form, width=COLUMNS),
        "Bag": Layout(form=form, buckets=BUCKETS, overlap=OVERLAP if is_pair else None),
        "Tokens": Layout(
            form=form, width=HASHES, buckets=BUCKETS, ngrams=BUCKETS, overlap=OVERLAP if is_pair else None
        ),
    }[form]


def inputs_of(form, lengths, *, is_pair=False, seed=0):
    """Rows of the given lengths (a dense row has none)."""
    if is_pair:
        sides = [inputs_of(form, side, seed=seed + at) for at, side in enumerate((lengths, lengths[::-1]))]
        return Pair(*sides, torch.rand(len(lengths), OVERLAP, generator=torch.Generator().manual_seed(seed)))
    draw = torch.Generator().manual_seed(seed)
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    total = int(offsets[-1])
    if form == "Dense":
        codes = [torch.randint(0, size, (len(lengths),), generator=draw) for size in CODES]
        return Dense(torch.randn(len(lengths), COLUMNS, generator=draw), torch.stack(codes, dim=1))
    if form == "DenseTokens":
        return DenseTokens(torch.randn(total, COLUMNS, generator=draw), offsets)
    if form == "Bag":
        ids = torch.randint(0, BUCKETS, (total,), generator=draw)
        return Bag(ids, torch.rand(total, generator=draw), offsets)
    bag = Bag(torch.randint(0, BUCKETS, (total,), generator=draw), torch.rand(total, generator=draw), offsets)
    return Tokens(torch.randint(0, BUCKETS, (total, HASHES), generator=draw), offsets, bag)


def labels_of(case, lengths):
    """Learnable labels of the right shape."""
    rows = sum(lengths) if case.kind == "tagging" else len(lengths)
    if case.kind in {"multiclass", "tagging"}:
        return torch.arange(rows) % 3
    if case.kind == "regression":
        return torch.linspace(-1, 1, rows)
    shape = (rows,) if case.kind == "binary" else (rows, 3)
    return (torch.rand(shape, generator=torch.Generator().manual_seed(1)) < 0.5).float()


def network(case, *, tasks=1, config=None, seed=0):
    """A network for that many tasks of the case."""
    torch.manual_seed(seed)
    return build(Architecture(encoder=config or ENCODERS[case.encoder]()), [(case.task, case.layout)] * tasks)


CASES = [
    Case(name, kind, form, is_pair)
    for name, encoder in ENCODERS.items()
    for kind, form in encoder.forms.items()
    for is_pair in ((False, True) if form in {"Bag", "Tokens"} and kind != "tagging" else (False,))
]


def name_of(case):
    return f"{case.encoder}-{case.kind}{'-pair' if case.is_pair else ''}"


every_case = pytest.mark.parametrize("case", CASES, ids=name_of)


@every_case
def test_outputs_have_the_shape_that_the_loss_expects(case):
    outputs = network(case)(0, inputs_of(case.form, LENGTHS, is_pair=case.is_pair))
    rows = sum(LENGTHS) if KINDS[case.kind].per_token else len(LENGTHS)
    assert outputs.shape == ((rows,) if KINDS[case.kind].is_scalar else (rows, 3))
    assert outputs.dtype == torch.float32
    assert loss(case.task, outputs, labels_of(case, LENGTHS)).isfinite()


@every_case
def test_a_row_s_outputs_depend_on_no_other_row(case):
    model, inputs = network(case).eval(), inputs_of(case.form, LENGTHS, is_pair=case.is_pair)
    alone = torch.cat([model(0, take(inputs, torch.tensor([row]))) for row in range(len(LENGTHS))])
    # float32 sums in another order
    torch.testing.assert_close(model(0, inputs), alone, atol=1e-6, rtol=1e-6)
    order = torch.tensor([4, 0, 3, 1, 2])
    shuffled = torch.cat([model(0, take(inputs, order[[at]])) for at in range(len(order))])
    torch.testing.assert_close(model(0, take(inputs, order)), shuffled, atol=1e-6, rtol=1e-6)


@every_case
def test_different_rows_have_different_outputs(case):
    outputs = network(case).eval()(0, inputs_of(case.form, [3, 4, 5], is_pair=case.is_pair))
    assert len(outputs.unique(dim=0)) == len(outputs)


@pytest.mark.parametrize("case", [case for case in CASES if case.form != "Dense"], ids=name_of)
def test_rows_without_content_have_finite_outputs(case):
    outputs = network(case).eval()(0, inputs_of(case.form, [0, 0], is_pair=case.is_pair))
    assert len(outputs) == (0 if KINDS[case.kind].per_token else 2)
    assert outputs.isfinite().all()


@every_case
def test_evaluation_mode_is_deterministic_and_training_mode_follows_torch_s_generator(case):
    config = decode_part(ENCODERS, {"name": case.encoder, "dropout": 0.5}, where="encoder")
    model, inputs = network(case, config=config), inputs_of(case.form, LENGTHS, is_pair=case.is_pair)
    torch.manual_seed(1)
    first = model(0, inputs)
    assert not torch.equal(model(0, inputs), first)
    torch.manual_seed(1)
    assert torch.equal(model(0, inputs), first)
    model.eval()
    assert torch.equal(model(0, inputs), model(0, inputs))


@every_case
def test_the_seed_fixes_the_initial_values(case):
    one, same, other = (network(case, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@every_case
def test_a_small_table_can_be_learned_by_heart(case):
    dropouts = [field.name for field in fields(ENCODERS[case.encoder]) if field.name.endswith("dropout")]
    config = decode_part(ENCODERS, {"name": case.encoder} | dict.fromkeys(dropouts, 0.0), where="encoder")
    model, inputs = network(case, config=config), inputs_of(case.form, LENGTHS, is_pair=case.is_pair)
    labels = labels_of(case, LENGTHS)
    sparse = model._sparse()
    dense = torch.optim.Adam([p for p in model.parameters() if id(p) not in sparse], lr=0.02)
    rows = [p for p in model.parameters() if id(p) in sparse]
    optimizers = [dense, *([torch.optim.SparseAdam(rows, lr=0.02)] if rows else [])]
    before = loss(case.task, model(0, inputs), labels).item()
    for _ in range(60):
        model.zero_grad(set_to_none=True)
        loss(case.task, model(0, inputs), labels).backward()
        for optimizer in optimizers:
            optimizer.step()
    assert loss(case.task, model(0, inputs), labels).item() < 0.1 * before


@every_case
def test_every_parameter_gets_a_gradient_and_only_hash_tables_a_sparse_one(case):
    model = network(case)
    outputs = model(0, inputs_of(case.form, LENGTHS, is_pair=case.is_pair))
    loss(case.task, outputs, labels_of(case, LENGTHS)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.is_sparse == (id(parameter) in model._sparse()), name
        assert parameter.grad.is_sparse == (len(parameter) == BUCKETS), name


@every_case
def test_a_sparse_gradient_has_the_rows_that_the_batch_reads_alone(case):
    model, inputs = network(case), inputs_of(case.form, [1, 1], is_pair=case.is_pair)
    loss(case.task, model(0, inputs), labels_of(case, [1, 1])).backward()
    sides = [inputs.left, inputs.right] if case.is_pair else [inputs]
    for name, parameter in model.named_parameters():
        if parameter.grad.is_sparse:
            read = [side.bag.ids if "wide" in name else side.ids for side in sides]
            touched = set(parameter.grad.coalesce().indices()[0].tolist())
            assert touched == {number for ids in read for number in ids.flatten().tolist()}


@every_case
def test_two_tasks_share_the_encoder_and_one_task_owns_it(case):
    both, alone = network(case, tasks=2), network(case)
    encoder = {id(p) for p in both.encoder.parameters()}
    assert {id(p) for p in (*both.shared(), *both.shared_sparse())} == encoder
    assert len(both.last_shared()) > 0
    assert (alone.shared(), alone.shared_sparse(), alone.last_shared()) == ((), (), ())
    assert {id(p) for p in alone.own(0)} == {id(p) for p in alone.parameters()}


@every_case
def test_a_batch_of_one_task_leaves_the_others_own_parameters_alone(case):
    model = network(case, tasks=2)
    inputs = inputs_of(case.form, LENGTHS, is_pair=case.is_pair)
    loss(case.task, model(0, inputs), labels_of(case, LENGTHS)).backward()
    assert all(p.grad is not None for p in (*model.own(0), *model.shared(), *model.shared_sparse()))
    assert all(p.grad is None for p in model.own(1))


@pytest.mark.parametrize("name", ENCODERS)
def test_configurations_are_frozen_hashable_and_ask_for_features(name):
    config = decode_part(ENCODERS, name, where="encoder")
    assert config == ENCODERS[name]()
    assert hash(config.features) == hash(ENCODERS[name]().features)
    assert frozenset(config.forms) <= frozenset(KINDS)
    assert {"dropout", "join"} <= {field.name for field in fields(config)}
