from ray_mtlkd.setups.proposal import Proposal
from ray_mtlkd.sweep import proposal as module
from ray_mtlkd.sweep.prepare import CostEstimate
from ray_mtlkd.sweep.proposal import propose_space
from ray_mtlkd.sweep.space import parse_space


def test_the_largest_sweep_that_the_time_allows_is_proposed(tmp_path, monkeypatch):
    """18 trials of a minute each: with two cores, 9 minutes."""
    cost = CostEstimate(trials=18, steps=18, task_batches=18, cpu_s=18 * 60.0)
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
