import torch

from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.sharing.cross_stitch import CrossStitch
from ray_mtlkd.models.sharing.sluice import Sluice
from tests.models.conftest import NUMBERS

EVEN = Mlp(hidden=(4, 4), bins=0)


def test_with_one_subspace_no_orthogonality_and_the_last_layer_it_is_cross_stitch(made, trained):
    values = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.stack([values[:, 0], values[:, 1].abs()], dim=1)
    special, stitched = made(Sluice(subspaces=1, orthogonality=0.0, read="last")), made(CrossStitch())
    assert special.penalty() is None
    for steps in (0, 20):
        for model in (special, stitched):
            trained(model, values, targets, steps=steps)
        for (name, one), (other_name, other) in zip(
            special.named_parameters(), stitched.named_parameters(), strict=True
        ):
            assert name == other_name
            assert torch.equal(one, other), name
        for task in range(2):
            assert torch.equal(special(task, NUMBERS.inputs()), stitched(task, NUMBERS.inputs()))
    assert special.units[0].change.any()


def test_a_subspace_reads_those_of_all_networks(made):
    """Every row of the unit mixes halves of the layers, one for each task and subspace."""
    model, inputs = made(Sluice(read="last"), encoder=Mlp(hidden=(4,), bins=0)), NUMBERS.inputs()
    with torch.no_grad():
        model.last_units[0].change.normal_()
    halves = [half for network in model.networks for half in network[0](None, inputs, 0).chunk(2, dim=1)]
    unit = model.last_units[0].start + model.last_units[0].change
    mixed = torch.cat([sum(a * half for a, half in zip(row, halves, strict=True)) for row in unit], dim=1)
    torch.testing.assert_close(model(0, inputs), model.heads[0](mixed))


def test_the_penalty_is_the_overlap_of_the_subspaces_weights(made):
    model = made(Sluice(orthogonality=0.5))
    weights = [network[1].layer.linear.weight for network in model.networks]
    overlaps = [(w[:2] @ w[2:].T).square().sum() for w in weights]
    torch.testing.assert_close(model.penalty(), 0.5 * sum(overlaps))
    with torch.no_grad():
        for w in weights:
            w.copy_(torch.eye(*w.shape))
    assert model.penalty() == 0


def test_heads_read_a_mixture_of_layers_or_all_end_to_end(made):
    mixing, inputs = made(Sluice(), encoder=EVEN), NUMBERS.inputs()
    with torch.no_grad():
        mixing.layer_units[1].change.copy_(torch.tensor([[0.9, -0.9]]))
    first = mixing.units[0](torch.cat([net[0](None, inputs, 0).view(-1, 2, 2) for net in mixing.networks], dim=1))
    torch.testing.assert_close(mixing(1, inputs), mixing.heads[1](first.flatten(1)[:, 4:]))
    assert made(Sluice(read="joined")).heads[0].linear.in_features == 10
    assert made(Sluice()).layer_units is None  # layers of other widths than the last one's are not mixed


def test_subspaces_that_do_not_divide_a_layer_are_refused(made, refused):
    with refused() as caught:
        made(Sluice(subspaces=4))
    assert caught.value.where == "sharing.subspaces"
