"""A sweep that grows, by the whole command on real Ray."""

from pathlib import Path

import pytest

from ray_mtlkd.predict.model_folder import load_model
from ray_mtlkd.sweep_folder import BEST

pytestmark = pytest.mark.ray

SPACE = """
name: grown
setups: [similar]
encoder: {name: mlp, hidden: [8]}
training: {steps: 20, batch_size: 16, eval_every: 10, lr: {loguniform: [1e-3, 1e-2]}}
strategies: [sum]
search: {configurations: 2}
replicate: {configurations: 1, seeds: [1]}
classical: false
"""
MORE = (
    SPACE.replace("[sum]", "[sum, gradnorm]").replace("configurations: 2", "configurations: 3").replace("[1]", "[1, 2]")
)


@pytest.fixture
def sweep(tmp_path, here):
    """Runs the command on a search space."""

    def ask(text, *options):
        (tmp_path / "space.yaml").write_text(text)
        return here("sweep", tmp_path / "space.yaml", *options)

    return ask


def _bytes(out):
    kept = ("records", "models", "predictions")
    return {path: path.read_bytes() for name in kept for path in (out / name).rglob("*") if path.is_file()}


def test_what_is_new_runs_and_what_was_there_keeps_every_byte(tmp_path, sweep):
    out = tmp_path / "out"
    first = sweep(SPACE, "--out", out)
    assert first.returncode == 0, first.stderr
    before = _bytes(out)
    assert len(list((out / "records").iterdir())) == 2 + 1
    second = sweep(MORE, "--extend", out)
    assert second.returncode == 0, second.stderr
    after = _bytes(out)
    best = out / "models" / BEST  # what more trials show may change which model that is
    assert {path: after[path] for path in before if best not in path.parents} == {
        path: content for path, content in before.items() if best not in path.parents
    }
    assert [Path(load_model(path).uri).parent for path in best.iterdir()] == [out / "models"]
    names = {path.stem for path in (out / "records").iterdir()}
    assert {name for name in names if name.endswith("-s0")} == {
        f"similar-{strategy}-c{index}-s0" for strategy in ("sum", "gradnorm") for index in range(3)
    }
    replicated = {name.rsplit("-s", 1)[0] for name in names if name.endswith("-s1")}
    assert replicated == {name.rsplit("-s", 1)[0] for name in names if name.endswith("-s2")}
    altered = sweep(MORE.replace("steps: 20", "steps: 30"), "--extend", out)
    assert altered.returncode == 2
    assert "training.steps is 30 and was 20" in altered.stderr
