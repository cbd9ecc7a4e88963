import importlib
import json
import signal
import socket
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from ray_mtlkd.cli import app
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.predict.model_folder import load_model
from ray_mtlkd.seals import sealed_json
from tests.keeping import TEXT_TASKS, keep_model, text_setup, text_table
from tests.scripts import LIMIT_S, command

CLIENTS = 50
REQUESTS = 4
serving = importlib.import_module("ray_mtlkd.cli.serve")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    return keep_model(text_setup(TEXT_TASKS), BagOfNgrams(hidden=(8,), buckets=256), folder / "models" / "t")


@pytest.fixture
def process(kept, tmp_path):
    """The command as its users run it, on a port that is free, and where it says that it answers."""
    (kept.folder.parent / "best").mkdir(exist_ok=True)
    (kept.folder.parent / "best" / "shop").write_bytes(sealed_json('{"model": "../t"}'))
    words = command("serve", kept.folder.parent / "best" / "shop", "--port", 0)
    with (tmp_path / "errors").open("w+") as errors:
        started = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            first, second = started.stdout.readline(), started.stdout.readline()
            assert first.startswith("t answers for intent, match at http://127.0.0.1:"), (
                tmp_path / "errors"
            ).read_text()
            address = first.split()[-1].removesuffix("/predict")
            assert second == f"{address}/docs shows how to ask; Ctrl-C ends it\n"
            yield started, address
        finally:
            started.kill()
            started.communicate()


def _asked(address, question):
    sent = urllib.request.Request(  # noqa: S310 - of this machine
        f"{address}/predict", json.dumps(question).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(sent, timeout=LIMIT_S) as response:  # noqa: S310 - likewise
        return json.load(response)


def test_fifty_clients_at_once_hear_what_predict_says_and_ctrl_c_ends_it_in_a_line(process, kept, tmp_path):
    started, address = process
    table = text_table(CLIENTS * REQUESTS)
    model = load_model(kept.uri)
    # row by row as they are asked: what stands beside a row in a batch moves the last bits
    each = [model.predict(table.slice(at, 1), probabilities=True) for at in range(table.num_rows)]
    expected = [row for one in each for row in one.to_pylist()]
    rows = table.select(["text", "other"]).to_pylist()
    assert len({json.dumps(row) for row in expected}) > REQUESTS

    def client(at):
        return [
            _asked(address, {"rows": [row], "probabilities": True})["rows"][0]
            for row in rows[at * REQUESTS : (at + 1) * REQUESTS]
        ]

    with ThreadPoolExecutor(CLIENTS) as pool:
        heard = [row for said in pool.map(client, range(CLIENTS)) for row in said]
    assert heard == expected
    started.send_signal(signal.SIGINT)
    assert (started.stdout.read(), started.wait(timeout=LIMIT_S)) == ("stopped\n", 130)
    assert (tmp_path / "errors").read_text() == ""


@pytest.fixture
def said(kept, monkeypatch):
    """What the command prints until it answers, and the application that would."""
    served = []
    monkeypatch.setattr(serving, "_run", lambda app, *_: served.append(app))

    def run(*options):
        done = CliRunner().invoke(app, ["serve", kept.uri, "--port", "0", *map(str, options)], catch_exceptions=False)
        return done.output.splitlines()

    return run


def test_another_address_than_loopback_is_told_to_be_open(said, worded):
    assert len(said()) == 2
    assert len(said("--host", "::1")) == 2
    opened = said("--host", "0.0.0.0")  # noqa: S104 - never answers
    assert len(opened) == 3
    worded(opened[2])


def test_a_port_that_is_taken_is_a_mistake(kept, worded):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(MtlkdError) as caught:
            CliRunner().invoke(app, ["serve", kept.uri, "--port", port], catch_exceptions=False)
    assert caught.value.where == f"127.0.0.1:{port}"
    worded(str(caught.value).replace(port, "PORT"))


def test_an_address_of_another_machine_is_a_mistake(said, refused):
    with refused():
        said("--host", "192.0.2.1")


def test_without_its_libraries_it_says_how_to_install_them(said, monkeypatch, refused):
    monkeypatch.setattr(serving, "find_spec", lambda _: None)
    with refused():
        said()
