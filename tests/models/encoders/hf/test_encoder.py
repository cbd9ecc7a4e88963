"""A pretrained encoder in a model: every kind of task that reads texts, and what may train."""

from dataclasses import dataclass

import pytest
import torch

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import FirstPieces, Pair, Pieces
from ray_mtlkd.data.pretrained import PretrainedWeights
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders import ENCODERS
from ray_mtlkd.models.encoders.hf.encoder import Lora, PretrainedEncoder
from ray_mtlkd.models.encoders.pretrained import fill
from ray_mtlkd.models.sharing import SHARING
from ray_mtlkd.registry import decode_part
from ray_mtlkd.setups.pretrained import read_folder
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.testing.examples import LENGTHS, OVERLAP, Example
from ray_mtlkd.testing.models import check_content, check_gradients, check_outputs
from tests.pretrained import LAYERS, PIECES, save


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bert")
    save(path)
    return read_folder(str(path), max_length=20)


@dataclass(frozen=True)
class PieceExample(Example):
    """One kind of task on pieces; of tagging, each piece is a word."""

    backbone: str = ""

    @property
    def layout(self):
        return Layout(form="Pieces", backbone=self.backbone, overlap=OVERLAP if self.is_pair else None)

    def inputs(self, lengths=LENGTHS, *, seed=0):
        if not self.is_pair:
            return self._side(lengths, seed=seed)
        left, right = (self._side(side, seed=seed + at) for at, side in enumerate((lengths, lengths[::-1])))
        return Pair(left, right, torch.rand(len(lengths), OVERLAP, generator=torch.Generator().manual_seed(seed)))

    def _side(self, lengths, *, seed):
        offsets = torch.tensor([0, *lengths]).cumsum(0)
        draw = torch.Generator().manual_seed(seed)
        ids = torch.randint(4, PIECES, (int(offsets[-1]),), dtype=torch.int32, generator=draw)
        if not KINDS[self.kind].per_token:
            return Pieces(ids, offsets)
        places = [torch.arange(length, dtype=torch.int32) for length in lengths]
        return Pieces(ids, offsets, words=FirstPieces(torch.cat(places), offsets))


def network(folder, config, examples, sharing="hard"):
    torch.manual_seed(0)
    architecture = Architecture(encoder=config, sharing=decode_part(SHARING, sharing, where="sharing"))
    model = build(architecture, [(example.task, example.layout) for example in examples])
    weights = folder.weights
    fill(model, PretrainedWeights(weights.names, tuple(map(torch.from_numpy, weights.arrays)), weights.source))
    return model


@pytest.mark.parametrize(
    ("train", "kind", "is_pair"),
    [
        ("all", "multiclass", False),
        ("all", "binary", True),
        ("top-1", "tagging", False),
        ("none", "multiclass", False),
        (Lora(lora=2), "tagging", False),
    ],
    ids=str,
)
def test_a_pretrained_encoder_keeps_the_promises_of_all_encoders(folder, train, kind, is_pair):
    example = PieceExample(kind, "Pieces", is_pair, backbone=folder.config)
    model = network(folder, PretrainedEncoder(path="x", train=train), [example, example])
    check_outputs(model, 0, example)
    check_content(model, 0, example)
    check_gradients(model, 1, example)


def test_it_serves_what_the_encoders_of_words_serve():
    assert set(PretrainedEncoder.forms) == set(ENCODERS["cnn"].forms)


@pytest.mark.parametrize("sharing", sorted(SHARING))
def test_every_way_of_sharing_takes_it(folder, sharing):
    examples = [PieceExample(kind, "Pieces", backbone=folder.config) for kind in ("multiclass", "binary")]
    model = network(folder, PretrainedEncoder(path="x", train="top-1"), examples, sharing)
    found = [model(task, example.inputs()) for task, example in enumerate(examples)]
    assert all(each.isfinite().all() for each in found)
    sum(each.square().sum() for each in found).backward()
    factors = set(model.rates().values())
    assert 0.01 in factors


def test_what_does_not_train_is_shared_by_no_task(folder):
    examples = [PieceExample(kind, "Pieces", backbone=folder.config) for kind in ("multiclass", "binary")]
    model = network(folder, PretrainedEncoder(path="x", train="none"), examples)
    assert model.shared() == ()
    assert {id(p) for p in model.parameters()} == {id(p) for task in (0, 1) for p in model.own(task)}


@pytest.mark.parametrize("train", ["top-0", "top", "some", {"lora": 0}, 3], ids=str)
def test_what_trains_is_said_in_one_of_four_ways(train):
    with pytest.raises((MtlkdError, ExceptionGroup)) as caught:
        decode_part(ENCODERS, {"name": "hf", "path": "x", "train": train}, where="encoder")
    problems = getattr(caught.value, "exceptions", [caught.value])
    assert {problem.where.split(".")[1] for problem in problems} == {"train"}


def test_more_layers_than_there_are_cannot_train(folder, refused):
    example = PieceExample("binary", "Pieces", backbone=folder.config)
    with refused():
        network(folder, PretrainedEncoder(path="x", train=f"top-{LAYERS + 1}"), [example])


def test_a_path_must_be_given(refused):
    with refused():
        decode_part(ENCODERS, "hf", where="encoder")


def moved(model):
    """The model with other parameters than it was drawn with: what starts at 0 changes nothing."""
    torch.manual_seed(3)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model


@pytest.mark.parametrize("form", ["lora", "shared_lora"])
def test_low_rank_adapters_change_what_does_not_train_as_what_is_frozen(folder, form):
    examples = [PieceExample(kind, "Pieces", backbone=folder.config) for kind in ("multiclass", "binary")]
    sharing = {"name": "adapters", "form": form, "rank": 2}
    model = moved(network(folder, PretrainedEncoder(path="x", train="none", dropout=0.0), examples, sharing))
    names = {*model.encoder.state_dict(), *model.matrices[0]}
    assert len(names) == len(model.matrices[0]) == 6 * LAYERS
    assert len(model.updates) == 6 * LAYERS * (2 if form == "lora" else 1)
    whole = PretrainedEncoder(path="x", train="all", dropout=0.0)
    frozen = network(folder, whole, examples, {**sharing, "freeze": True})
    assert {*frozen.updates} == {*model.updates}
    frozen.load_state_dict(model.state_dict(), strict=False)
    hard = network(folder, whole, examples)
    hard.load_state_dict({name: p for name, p in model.state_dict().items() if name in hard.state_dict()}, strict=False)
    for task, example in enumerate(examples):
        found = model.eval()(task, example.inputs())
        torch.testing.assert_close(found, frozen.eval()(task, example.inputs()))
        assert not torch.allclose(found, hard.eval()(task, example.inputs()), atol=1e-2)


def test_low_rank_adapters_of_low_rank_matrices_are_refused(folder, refused):
    example = PieceExample("binary", "Pieces", backbone=folder.config)
    for form in ("lora", "shared_lora"):
        with refused() as caught:
            network(
                folder, PretrainedEncoder(path="x", train=Lora(lora=2)), [example], {"name": "adapters", "form": form}
            )
        assert caught.value.where == "sharing.form"


def _trained_once(folder, *, again, sharing="hard"):
    """Gradients of one pass that drops units, and the bytes that autograd kept of it."""
    examples = [PieceExample(kind, "Pieces", backbone=folder.config) for kind in ("multiclass", "binary")]
    config = PretrainedEncoder(path="x", train="top-2", dropout=0.3, gradient_checkpointing=again)
    model = moved(network(folder, config, examples, sharing)).train()
    kept = []
    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(lambda each: kept.append(each.nbytes) or each, lambda each: each):
        found = [model(task, example.inputs()).square().sum() for task, example in enumerate(examples)]
    shared = model.shared()
    first = torch.autograd.grad(found[0], shared, retain_graph=True)
    return [*first, *torch.autograd.grad(found[0] + found[1], shared)], sum(kept)


@pytest.mark.parametrize("sharing", ["hard", {"name": "adapters", "form": "lora"}], ids=str)
def test_what_is_computed_again_has_the_same_gradients_and_is_not_kept(folder, sharing):
    (expected, whole), (found, kept) = (_trained_once(folder, again=again, sharing=sharing) for again in (False, True))
    assert kept < 0.7 * whole
    for one, other in zip(expected, found, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("train", "pair", "is_one"),
    [
        ("none", "auto", False),
        ("none", "together", True),
        ("top-1", "auto", False),
        ("top-1", "together", True),
        ("all", "auto", True),
        (Lora(lora=2), "auto", True),
        ("all", "apart", False),
    ],
    ids=str,
)
def test_pairs_are_one_sequence_where_all_layers_can_learn_to_compare_them(train, pair, is_one):
    assert PretrainedEncoder(path="folder", train=train, pair=pair).features.together == is_one
