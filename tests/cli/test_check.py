import subprocess
import sys

import pytest

SPACE = """
name: small
setups: [similar]
encoder: {name: mlp, hidden: [16]}
training: {steps: 40, lr: {loguniform: [1e-3, 1e-2]}}
strategies: [sum, joint_kd]
search: {configurations: 2}
replicate: {seeds: [1, 2]}
"""


def _check(tmp_path, text):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    code = "import sys; from ray_mtlkd.cli import main\ntry:\n main()\nfinally:\n print('ray' in sys.modules)"
    command = [sys.executable, "-c", code, "check", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_sound_space_is_counted_without_ray(tmp_path):
    done = _check(tmp_path, SPACE)
    assert done.returncode == 0, done.stderr
    assert "8 trials, at most 320 steps of all tasks (1,600 task batches)" in " ".join(done.stdout.split())
    assert "similar: classical baselines of its 5 tasks will be computed beside the trials" in " ".join(
        done.stdout.split()
    )
    assert done.stdout.splitlines()[-1] == "False"


def test_baselines_that_nobody_wants_are_not_announced(tmp_path):
    done = _check(tmp_path, f"{SPACE}baseline: false\n")
    assert done.returncode == 0, done.stderr
    assert "classical" not in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("similar", "simlar", ["unknown setup 'simlar'", "did you mean 'similar'"]),
        ("hidden: [16]", "hiden: [16]", ["space.yaml: encoder.hiden: unknown key 'hiden'"]),
        ("mlp, hidden: [16]", "cnn", ["the encoder reads texts, pairs and tokens, not vector; use mlp"]),
        ("[sum, joint_kd]", "[{name: static, balancer: {weights: [1, 2]}}]", ["2 weights for 5 tasks"]),
        ("steps: 40", "steps: x, batch_size: 0", ["space.yaml: training.steps", "1 error"]),
        (
            "steps: 40",
            "steps: 40, batch_size: 9000",
            ["a batch of 9000 rows, and no task of similar has more than 8000"],
        ),
        (
            "steps: 40",
            "steps: 40, batch_size: {tiny_noisy: 400, small: 9, medium_noisy: 9, large: 9, huge_clean: 9}",
            ["a batch of 400 rows, and tiny_noisy has only 300; make it at most 300"],
        ),
        (
            "steps: 40",
            "steps: 40, batch_size: {tiny: 4, tiny_noisy: 4, small: 9, medium_noisy: 9, large: 9, huge_clean: 9}",
            ["training.batch_size: unknown task 'tiny'"],
        ),
        ("steps: 40", "steps: 40, batch_size: {small: 9}", ["no batch size for tiny_noisy, medium_noisy"]),
    ],
)
def test_mistakes_are_named_on_stderr_and_end_with_exit_code_2(tmp_path, old, new, said):
    done = _check(tmp_path, SPACE.replace(old, new))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert any(part in done.stderr for part in said), done.stderr
    assert done.stderr.startswith("error: ")
