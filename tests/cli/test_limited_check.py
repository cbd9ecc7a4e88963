"""Whatever stands in a file of less than a megabyte, `check` answers within seconds, or says what is too large."""

import json
import subprocess
import sys

import pytest

SPACE = {
    "name": "small",
    "setups": ["similar"],
    "encoder": {"name": "mlp", "hidden": [16]},
    "training": {"steps": 40, "lr": {"loguniform": [1e-3, 1e-2]}},
    "strategies": ["sum", "joint_kd"],
    "search": {"configurations": 2},
    "replicate": {"configurations": 1, "seeds": [1, 2]},
}
MANY = 20_000
RATES = [(at + 1) / 1e5 for at in range(MANY)]
UNKNOWN = {f"step{at}": 1 for at in range(MANY)}
LABELLED = [{"name": "sum", "label": f"s{at}"} for at in range(1000)]


def _but(**parts):
    return json.dumps({**SPACE, **parts})


def _with(line):
    return f"{_but()[:-1]}, {line}}}"


REFUSED = {
    "a tag": _with("classical: !!bool foo"),
    "a tag that parses": _with(f"classical: !!int 0x{'f' * 100_000}"),
    "a seed of 20 digits": _but(replicate={"seeds": [2**64]}),
    "a seed of the search of 400 digits": _but(search={"seed": 10**399}),
    "steps of 400 digits": _but(training={"steps": 10**399}),
    "more than a float": _with("training: {lr: 1e400}"),
    "many seeds": _but(replicate={"seeds": list(range(95_000))}),
    "many setups": _but(setups=[f"s{at}" for at in range(MANY)]),
    "unknown setups": _but(setups=[f"s{at}" for at in range(1000)]),
    "manifests that are not there": _but(setups=[f"s{at}.yaml" for at in range(1000)]),
    "unknown keys": _but(**UNKNOWN),
    "unknown keys of a section": _but(kd=UNKNOWN),
    "unknown keys of a strategy": _but(strategies=[{"name": "sum", **UNKNOWN}]),
    "unknown tasks": _but(training={"steps": 40, "batch_size": UNKNOWN}),
    "unknown teachers": _but(teachers={key: {"t": "x"} for key in list(UNKNOWN)[:10_000]}),
    "strategies that nobody knows": _but(strategies=[f"sum{at}" for at in range(1000)]),
    "strategies of one name": _but(strategies=["sum"] * 1000),
    "many configurations": _but(search={"configurations": 10_000}),
    "many values": _but(training={"steps": 40, "lr": {"choice": RATES}}),
    "many values of a grid": _but(training={"steps": 40, "lr": {"grid": RATES}}),
    "many strategies and values": _but(strategies=LABELLED, training={"steps": 40, "lr": {"choice": RATES[:1000]}}),
    "many lists": _but(training={"steps": [["a"]] * 100_000}),
    "many experts": _but(sharing={"name": "mmoe", "experts": 1000}),
    "experts of experts": _but(sharing={"name": "ple", "shared": 1000, "own": 1000, "levels": 1000}),
    "a text that goes on": _but(strategies=["a" * 900_000]),
    "another tool's many steps": _but(training={"steps": 40, "lr": {"quniform": [0, 1e15, 1]}}),
}
ANSWERED = {
    "as it is": _but(),
    "a thousand configurations": _but(search={"configurations": 1000}),
    "as many models": _but(
        search={"configurations": 1000}, encoder={"name": "mlp", "hidden": [16], "dropout": {"uniform": [0, 0.5]}}
    ),
    "a thousand strategies": _but(strategies=LABELLED),
    "a thousand strategies of a model a task": _but(
        strategies=[{"name": "single_task", "label": f"s{at}"} for at in range(1000)]
    ),
    "a thousand seeds": _but(replicate={"configurations": 1, "seeds": list(range(1, 1001))}),
    "as many steps as there may be": _but(training={"steps": 2**53}),
}


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Checks a search space; returns the exit code and what was said on standard error."""
    command = [sys.executable, "-m", "tests.cli.limited_check"]
    path = tmp_path_factory.mktemp("checked") / "space.yaml"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:

        def run(text):
            path.write_text(text)
            server.stdin.write(f"{path}\n")
            server.stdin.flush()
            answer = json.loads(server.stdout.readline())
            return answer["code"], answer["said"]

        yield run
        server.stdin.close()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(check, name):
    code, said = check(REFUSED[name])
    assert code == 2, said
    assert said.startswith("error: ")
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ANSWERED)
def test_what_is_large_is_answered(check, name):
    assert check(ANSWERED[name]) == (0, "")
