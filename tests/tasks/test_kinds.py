from dataclasses import replace
from itertools import accumulate, cycle, islice, pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from ray_mtlkd.tasks.kinds import KINDS, start, unit
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.step.losses import distillations, losses

EVERY = sorted(KINDS)
CLASSIFYING = [kind for kind in EVERY if KINDS[kind].classes is not None]
TEMPERED = [kind for kind in EVERY if kind != "regression"]


def make(kind):
    scaled = {"center": 3.0, "scale": 2.0} if kind == "regression" else {}
    classes = () if KINDS[kind].is_scalar else tuple("abcd")
    return Task(name="t", kind=kind, metric="-", classes=classes, **scaled)


def groups_of(kind, rows):
    """Groups of 4, 5 and 3 rows, again and again."""
    if not KINDS[kind].per_group:
        return None
    ends = [0, *accumulate(islice(cycle((4, 5, 3)), rows))]
    return torch.tensor([*(end for end in ends if end < rows), rows])


def outputs_of(kind, *, rows=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    width = () if KINDS[kind].is_scalar else (4,)
    return torch.randn(rows, *width, generator=generator, dtype=torch.float32)


def labels_of(kind, *, rows=12):
    if kind in {"multiclass", "tagging"}:
        return torch.arange(rows) % 4
    if kind == "regression":
        return torch.linspace(-1, 7, rows)
    if kind == "ranking":
        return (torch.arange(rows) % 3).float()
    shape = (rows,) if kind == "binary" else (rows, 4)
    return (torch.rand(shape, generator=torch.Generator().manual_seed(3)) < 0.4).float()


def loss(task, outputs, labels, **options):
    (value,) = losses([task], [outputs], [labels], groups=[groups_of(task.kind, len(outputs))], **options)
    return value


def distill(task, outputs, soft, **options):
    (value,) = distillations([task], [outputs], [soft], groups=[groups_of(task.kind, len(outputs))], **options)
    return value


def gradient(function, at):
    leaf = at.clone().requires_grad_()
    (result,) = torch.autograd.grad(function(leaf), leaf)
    return result


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("target", ["labels", "teacher"])
def test_descent_lowers_the_loss(kind, target):
    task, outputs, labels, soft = make(kind), outputs_of(kind), labels_of(kind), outputs_of(kind, seed=5)

    def objective(at):
        return loss(task, at, labels) if target == "labels" else distill(task, at, soft, temperature=2.0)

    values = [objective(outputs).item()]
    for _ in range(20):
        outputs = outputs - gradient(objective, outputs)
        values.append(objective(outputs).item())
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0]


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("temperature", [1.0, 2.0, 4.0])
def test_distillation_is_least_where_the_student_equals_the_teacher(kind, temperature):
    task, soft = make(kind), outputs_of(kind, seed=5)
    at_teacher = gradient(lambda z: distill(task, z, soft, temperature=temperature), soft)
    torch.testing.assert_close(at_teacher, torch.zeros_like(soft), atol=1e-6, rtol=0)
    least = distill(task, soft, soft, temperature=temperature)
    assert 0 <= least <= 1e-6 * temperature**2
    for seed in range(5):
        assert distill(task, outputs_of(kind, seed=seed + 10), soft, temperature=temperature) > least


def soft_cross_entropy(task, outputs, soft, *, temperature):
    """What a divergence is, and the teacher's entropy, which nothing can be learned from: of each row, in nats."""
    said, taught = outputs / temperature, soft / temperature
    if task.kind in {"binary", "multilabel"}:
        return functional.binary_cross_entropy_with_logits(said, taught.sigmoid(), reduction="none")
    if task.kind == "ranking":
        lists = [slice(start, end) for start, end in pairwise(groups_of(task.kind, len(outputs)).tolist())]
        return torch.stack([functional.cross_entropy(said[each], taught[each].softmax(0)) for each in lists])
    return functional.cross_entropy(said, taught.softmax(1), reduction="none")


@pytest.mark.parametrize("kept", [None, 1, 3])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("kind", TEMPERED)
def test_a_divergence_pulls_as_the_soft_cross_entropy_does_and_holds_no_entropy(kind, temperature, kept):
    task, outputs, soft = make(kind), outputs_of(kind), outputs_of(kind, seed=5)
    if kind in {"multiclass", "tagging"} and kept is not None:
        soft = soft.masked_fill(soft < soft.topk(kept, dim=1).values[:, -1:], -torch.inf)

    def crossed(student):
        found = soft_cross_entropy(task, student, soft, temperature=temperature)
        return found.sum(-1).mean() if kind == "multilabel" else found.mean()

    scale = temperature**2 / unit(task)
    pull = gradient(lambda z: distill(task, z, soft, temperature=temperature), outputs)
    torch.testing.assert_close(pull, gradient(lambda z: scale * crossed(z), outputs), rtol=1e-6, atol=1e-8)
    entropy = crossed(soft.clamp(min=-1e4))
    found = distill(task, outputs, soft, temperature=temperature)
    torch.testing.assert_close(found, scale * (crossed(outputs) - entropy), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", TEMPERED)
@pytest.mark.parametrize("temperature", [2.0, 4.0])
def test_temperature_softens_both_sides_and_its_square_restores_the_gradient(kind, temperature):
    """d/dz of τ² KL(v/τ, z/τ) is τ times the gradient of KL at (v/τ, z/τ)."""
    task, outputs, soft = make(kind), outputs_of(kind), outputs_of(kind, seed=5)
    warm = gradient(lambda z: distill(task, z, soft, temperature=temperature), outputs)
    plain = gradient(lambda z: distill(task, z, soft / temperature, temperature=1.0), outputs / temperature)
    torch.testing.assert_close(warm, temperature * plain)


@pytest.mark.parametrize("kind", TEMPERED)
def test_at_high_temperature_the_gradient_no_longer_depends_on_it(kind):
    task, outputs, soft = make(kind), outputs_of(kind), outputs_of(kind, seed=5)
    hot, hotter = (gradient(lambda z, t=t: distill(task, z, soft, temperature=t), outputs) for t in (50.0, 100.0))
    # Hinton et al. 2015, equation 4: the limit is a squared error of logits; the rest is O(1/τ).
    torch.testing.assert_close(hot, hotter, atol=2e-3, rtol=0.05)


def test_temperature_plays_no_role_in_regression():
    task, outputs, soft = make("regression"), outputs_of("regression"), outputs_of("regression", seed=5)
    values = {distill(task, outputs, soft, temperature=t).item() for t in (1.0, 2.0, 4.0)}
    assert values == {functional.mse_loss(outputs, soft, reduction="none").mean().item()}


def sure_teacher(kind, labels):
    if kind in {"multiclass", "tagging"}:
        return functional.one_hot(labels, 4) * 40.0
    if kind == "regression":
        return (labels - 3.0) / 2.0
    if kind == "ranking":
        return labels.clamp(min=1e-30).log()
    return (labels - 0.5) * 80


@pytest.mark.parametrize("kind", EVERY)
def test_a_sure_teacher_is_a_label(kind):
    task, outputs, labels = make(kind), outputs_of(kind), labels_of(kind)
    teacher = sure_teacher(kind, labels)
    hard = gradient(lambda z: loss(task, z, labels), outputs)
    soft = gradient(lambda z: distill(task, z, teacher, temperature=1.0), outputs)
    torch.testing.assert_close(soft, hard, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", EVERY)
def test_losses_are_means_so_that_a_batch_twice_is_the_batch(kind):
    task, outputs, labels, soft = make(kind), outputs_of(kind), labels_of(kind), outputs_of(kind, seed=5)
    twice = torch.cat([outputs, outputs])
    torch.testing.assert_close(loss(task, twice, torch.cat([labels, labels])), loss(task, outputs, labels))
    doubled = distill(task, twice, torch.cat([soft, soft]), temperature=2.0)
    torch.testing.assert_close(doubled, distill(task, outputs, soft, temperature=2.0))


PRIORS = {
    "binary": ((0.1,), 0.325083),
    "multiclass": ((0.1, 0.2, 0.3, 0.4), 1.279854),
    "multilabel": ((0.1, 0.2, 0.5, 0.9), 1.843714),
    "tagging": ((0.7, 0.1, 0.1, 0.1), 0.940448),
}
"""Shares of labels, and their entropies in nats: the sum over labels where each is an answer of its own."""


@pytest.mark.parametrize("kind", CLASSIFYING)
def test_a_loss_is_measured_in_the_entropy_of_the_labels(kind):
    prior, entropy = PRIORS[kind]
    outputs, labels = outputs_of(kind), labels_of(kind)
    if kind in {"multiclass", "tagging"}:
        nats = functional.cross_entropy(outputs, labels)
    else:
        nats = functional.binary_cross_entropy_with_logits(outputs, labels, reduction="sum") / len(outputs)
    value = loss(replace(make(kind), prior=prior), outputs, labels)
    assert value.item() == pytest.approx(nats.item() / entropy, rel=1e-5)


@pytest.mark.parametrize("kind", EVERY)
def test_the_best_constant_predictor_loses_one(kind):
    task, labels = make(kind), labels_of(kind)
    if kind == "regression":
        task = replace(task, center=float(labels.mean()), scale=float(labels.std(correction=0)))
    elif kind == "ranking":
        task = KINDS[kind].fit(task, labels.numpy(), groups_of(kind, len(labels)).numpy(), None, "x")
    elif kind in {"multiclass", "tagging"}:
        task = replace(task, prior=tuple((torch.bincount(labels, minlength=4) / len(labels)).tolist()))
    else:
        task = replace(task, prior=tuple(labels.view(len(labels), -1).mean(0).tolist()))
    outputs = torch.tensor(start(task)).expand_as(outputs_of(kind).view(len(labels), -1)).view_as(outputs_of(kind))
    assert loss(task, outputs, labels).item() == pytest.approx(1.0, rel=1e-5)
    shifted = gradient(lambda z: loss(task, outputs + z, labels), torch.zeros(outputs.shape[1:]))
    torch.testing.assert_close(shifted, torch.zeros_like(shifted), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", EVERY)
def test_a_task_of_unknown_prior_starts_undecided(kind):
    assert set(start(make(kind))) == ({0.0} if kind not in {"multiclass", "tagging"} else {np.log(0.25)})


@pytest.mark.parametrize("kind", CLASSIFYING)
def test_label_smoothing_mixes_in_an_even_answer(kind):
    task, outputs, labels = make(kind), outputs_of(kind), labels_of(kind)
    hard = loss(task, outputs, labels)
    # equal logits: an even answer, whose own entropy is the loss's unit
    soft = 1 + distill(task, outputs, torch.zeros_like(outputs), temperature=1.0)
    smoothed = loss(task, outputs, labels, smoothing=0.2)
    torch.testing.assert_close(smoothed, 0.8 * hard + 0.2 * soft)


@pytest.mark.parametrize("kind", sorted(set(EVERY) - set(CLASSIFYING)))
def test_label_smoothing_leaves_numbers_alone(kind):
    task, outputs, labels = make(kind), outputs_of(kind), labels_of(kind)
    assert loss(task, outputs, labels, smoothing=0.5) == loss(task, outputs, labels)


def test_regression_loses_one_by_predicting_the_mean():
    labels = torch.tensor([1.0, 5.0, 1.0, 5.0])  # mean 3, standard deviation 2
    assert loss(make("regression"), torch.zeros(4), labels).item() == pytest.approx(1)


def test_predictions_speak_the_language_of_the_labels():
    assert KINDS["ranking"].predict(make("ranking"), np.array([0.5], np.float32)).tolist() == [0.5]
    assert KINDS["regression"].predict(make("regression"), np.array([0.5], np.float32)).tolist() == [4.0]
    assert KINDS["binary"].predict(make("binary"), np.array([-1, 2], np.float32)).tolist() == [0, 1]
    logits = np.array([[0, 3, 1, 2]], np.float32)
    assert KINDS["multiclass"].predict(make("multiclass"), logits).tolist() == [1]
    assert KINDS["multilabel"].predict(make("multilabel"), logits - 1.5).tolist() == [[0, 1, 0, 1]]


@pytest.mark.parametrize("kind", EVERY)
def test_the_trivial_row_has_the_shape_of_a_row_of_outputs(kind):
    constant = KINDS[kind].constant(make(kind), labels_of(kind).numpy())
    assert constant.shape == tuple(outputs_of(kind).shape[1:])
    assert constant.dtype == np.float32


def test_tasks_of_any_kinds_and_sizes_together_lose_what_each_loses_alone():
    cases = [(kind, rows) for rows in (12, 12, 5) for kind in EVERY]
    tasks = [make(kind) for kind, _ in cases]
    outputs = [outputs_of(kind, rows=rows, seed=at) for at, (kind, rows) in enumerate(cases)]
    labels = [labels_of(kind, rows=rows) for kind, rows in cases]
    soft = [outputs_of(kind, rows=rows, seed=100 + at) for at, (kind, rows) in enumerate(cases)]
    weights = [1.0 + at for at in range(len(cases))]
    groups = [groups_of(kind, rows) for kind, rows in cases]
    together = losses(tasks, outputs, labels, groups=groups, smoothing=0.1, weights=weights)
    alone = [w * loss(*case, smoothing=0.1) for w, *case in zip(weights, tasks, outputs, labels, strict=True)]
    torch.testing.assert_close(together, torch.stack(alone))
    together = distillations(tasks, outputs, soft, groups=groups, temperature=2.0, weights=weights)
    alone = [w * distill(*case, temperature=2.0) for w, *case in zip(weights, tasks, outputs, soft, strict=True)]
    torch.testing.assert_close(together, torch.stack(alone))


@pytest.mark.parametrize("kind", EVERY)
def test_a_loss_is_the_mean_that_torch_computes(kind):
    task, outputs, labels = make(kind), outputs_of(kind), labels_of(kind)
    expected = {
        "binary": lambda: functional.binary_cross_entropy_with_logits(outputs, labels),
        "multilabel": lambda: 4 * functional.binary_cross_entropy_with_logits(outputs, labels),
        "regression": lambda: functional.mse_loss(outputs, (labels - 3.0) / 2.0),
        "ranking": lambda: torch.stack(
            [
                functional.cross_entropy(outputs[start:end], labels[start:end] / labels[start:end].sum())
                for start, end in ((0, 4), (4, 9), (9, 12))
            ]
        ).mean(),
    }.get(kind, lambda: functional.cross_entropy(outputs, labels))()
    torch.testing.assert_close(loss(task, outputs, labels), expected / unit(task))
