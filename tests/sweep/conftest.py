import pytest

from ray_mtlkd.yaml_files import read_yaml

SPACE = """
name: small
setups: [similar]
encoder: {name: mlp, hidden: [16]}
training: {steps: 40, batch_size: 32, eval_every: 10, lr: {loguniform: [1e-3, 1e-2]}}
convergence: {patience: 2, patience_epochs: 0, min_epochs: 0, smoothing: 1, noise: 0}
strategies: [sum, joint_kd]
search: {configurations: 2}
replicate: {configurations: 1, seeds: [1, 2]}
"""


@pytest.fixture
def space_value(tmp_path):
    """A small search space as plain data, with top-level keys replaced or, by None, left out."""

    def make(**changes):
        path = tmp_path / "space.yaml"
        path.write_text(SPACE)
        value = {**read_yaml(path), **changes}
        return {key: item for key, item in value.items() if item is not None}

    return make


@pytest.fixture
def space_text():
    """The same as text."""
    return SPACE
