from ray_mtlkd.setups.proposal import Proposal
from ray_mtlkd.setups.proposal.guess import Guess
from ray_mtlkd.sweep import proposal as module
from ray_mtlkd.sweep.cost import CostEstimate
from ray_mtlkd.sweep.proposal import propose_space
from ray_mtlkd.sweep.space import parse_space


def test_the_largest_sweep_that_the_time_allows_is_proposed(tmp_path, monkeypatch):
    """18 trials of a minute each: with two cores, 9 minutes."""
    cost = CostEstimate(trials=18, steps=18, task_batches=18, cpu_s=18 * 60.0, measured=3, pairs=3)
    monkeypatch.setattr(module, "prepare", lambda *_, **__: None)
    monkeypatch.setattr(module, "estimate", lambda _: cost)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    setup = Proposal(name="mine", tasks=(), encoder="bag", rows=6000)
    found = {}
    for minutes in (1, 9, 25, 1000):
        made = propose_space(setup, "mine.yaml", beside=tmp_path / "s.yaml", minutes=minutes)
        space = parse_space(made.text, tmp_path / "s.yaml")
        found[minutes] = (space.search.configurations, len(space.replicate.seeds))
        assert made.minutes == made.trials / 2
    assert found == {1: (1, 3), 9: (1, 3), 25: (2, 3), 1000: (8, 6)}
    assert "steps: 950 " in made.text
    assert "120 trials" in made.text


def test_texts_with_columns_beside_them_are_read_by_an_encoder_for_each(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "prepare", lambda *_, **__: None)
    cost = CostEstimate(trials=1, steps=1, task_batches=1, cpu_s=1.0, measured=1, pairs=1)
    monkeypatch.setattr(module, "estimate", lambda _: cost)
    keys = {"kind": ("binary", ""), "text": (["body"], ""), "columns": ({"numeric": ["stars"]}, "")}
    setup = Proposal(name="mine", tasks=(Guess(name="t", form="text", keys=keys),), encoder="bag", rows=600)
    made = propose_space(setup, "mine.yaml", beside=tmp_path / "s.yaml", minutes=1)
    encoder = parse_space(made.text, tmp_path / "s.yaml").strategies[0].example.architecture.encoder
    assert {part: each.name for part, each in encoder.by_part().items()} == {"text": "bag", "columns": "mlp"}
