import pytest
import torch

from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.transformer import Transformer
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.models.sharing.adapters import Adapters
from ray_mtlkd.testing import check_sharing
from ray_mtlkd.testing.examples import Example
from ray_mtlkd.training.optimizer.optimizer import Optimizer
from ray_mtlkd.training.settings import Optimization
from tests.models.conftest import NUMBERS

FORMS = ("bottleneck", "lora", "shared_lora")
TEXT = Example("multiclass", "Tokens")
WORDS = Transformer(embedding=4, attention_heads=2, feedforward=6)


@pytest.mark.parametrize("form", FORMS)
def test_at_the_start_it_is_hard_sharing(made, form):
    model, hard = (made(each, (TEXT, TEXT), encoder=WORDS).eval() for each in (Adapters(form=form), HardSharing()))
    for task in range(2):
        torch.testing.assert_close(model(task, TEXT.inputs()), hard(task, TEXT.inputs()), atol=0, rtol=0)


@pytest.mark.parametrize("form", FORMS)
def test_of_a_frozen_encoder_adapters_and_heads_alone_change(made, form):
    model = made(Adapters(form=form, freeze=True), (TEXT, TEXT), encoder=WORDS)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = Optimizer(model, Optimization(lr=0.1, weight_decay=0.5))
    for _ in range(2):  # what starts at 0 hides the rest of it from the first step
        for output in model.outputs(TEXT.inputs(), [0, 1]):
            output.square().sum().backward(retain_graph=True)
        optimizer.step(0.5)
    same = {name for name, p in model.named_parameters() if torch.equal(p, before[name])}
    assert same == {name for name in before if name.startswith("encoder.")}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_keeps_the_promises_of_a_way_of_sharing(form):
    check_sharing(Adapters(form=form, freeze=form == "lora"))


def test_a_task_s_adapters_are_its_own_and_a_shared_one_is_everybody_s(made):
    own = [p for form in FORMS[:2] for p in made(Adapters(form=form)).own(0)]
    assert len(own) > 4
    shared = made(Adapters(form="shared_lora"))
    assert {id(p) for p in shared.updates.parameters()} <= {id(p) for p in shared.shared()}


def test_a_low_rank_update_is_equation_3(made):
    model, inputs = made(Adapters(form="lora", rank=2)), NUMBERS.inputs()
    update = model.updates["1:layers/1/layer/linear/weight"]
    with torch.no_grad():
        update.b.normal_()
    first, second = model.encoder.layers
    changed = second.layer.linear.weight + update.b @ update.a
    hidden = torch.nn.functional.linear(first(None, inputs, 1), changed, second.layer.linear.bias).relu()
    torch.testing.assert_close(model(1, inputs), model.heads[1](hidden))
    assert not torch.equal(model(0, inputs), model(1, inputs))


@pytest.mark.parametrize("form", FORMS[1:])
def test_where_there_is_no_matrix_to_change_it_is_refused(made, refused, form):
    with refused() as caught:
        made(Adapters(form=form), (Example("binary", "Bag"),), encoder=BagOfNgrams(hidden=(4,)))
    assert caught.value.where == "sharing.form"
