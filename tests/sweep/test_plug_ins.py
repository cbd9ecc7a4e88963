"""Parts of every sort from a folder outside the package: checked, swept, kept and used again."""

import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd import testing
from ray_mtlkd.cli import main
from ray_mtlkd.registry import load
from tests.plug_ins import EVERY, write_every
from tests.scripts import command, run

MANIFEST = """
name: theirs
tasks:
  fine:
    kind: their_kind:VERDICT
    metric: their_metric:SHARE_RIGHT
    data: rows
    columns: {numeric: [a, b]}
    label: fine
  size: {kind: regression, data: rows, columns: {numeric: [a, b]}, label: size, metric: mae}
"""
SPACE = """
name: theirs
setups: [theirs.yaml]
encoder: {name: "their_encoder:OneLayer", hidden: 6}
regularizers: ["their_regularizer:Decay"]
training: {steps: 30, batch_size: 16, eval_every: 10, lr: 0.01}
strategies:
  - "their_balancer:Halved"
  - {curriculum: "their_curriculum:ToTheEnd", balancer: {name: "their_balancer:Halved", factor: 2.0}}
  - {name: sum, sharing: "their_sharing:Apart"}
search: {configurations: 1}
replicate: {configurations: 1, seeds: [1]}
classical: false
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Code, a setup and a search space."""
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "code").mkdir()
    write_every(folder / "code")
    (folder / "theirs.yaml").write_text(MANIFEST)
    (folder / "space.yaml").write_text(SPACE)
    (folder / "rows").mkdir()
    chance = np.random.default_rng(0)
    for split, rows in (("train", 120), ("valid", 40), ("test", 40)):
        a, b = chance.normal(size=(2, rows))
        table = pa.table({"a": a, "b": b, "fine": (a + b > 0).astype(int), "size": a - b})
        pq.write_table(table, folder / "rows" / f"{split}.parquet")
    return folder


@pytest.fixture
def _forgotten(monkeypatch):
    """Nothing of theirs is left in this process."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in EVERY:
        sys.modules.pop(name, None)


@pytest.fixture
def imported(folder, _forgotten):
    sys.path.insert(0, str(folder / "code"))
    return load


def test_they_keep_the_promises_of_their_sorts(imported):
    testing.check_balancer(imported("their_balancer:Halved")())
    testing.check_curriculum(imported("their_curriculum:ToTheEnd")())
    testing.check_encoder(imported("their_encoder:OneLayer")())
    testing.check_sharing(imported("their_sharing:Apart")())
    testing.check_regularizer(imported("their_regularizer:Decay")())
    testing.check_kind("their_kind:VERDICT")
    testing.check_metric(imported("their_metric:SHARE_RIGHT"))


@pytest.fixture(scope="module")
def swept(folder):
    done = run(command("sweep", "space.yaml", "--code", "code", "--out", "out"), cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.ray
def test_a_sweep_trains_them_under_short_names_and_records_where_they_are_found(folder, swept):
    files = (folder / "out" / "records").glob("*.parquet")
    rows = [row for path in files for row in pq.read_table(path).to_pylist()]
    assert {row["status"] for row in rows} == {"ok"}
    found = {(row["strategy"], row["curriculum"], row["balancer"]) for row in rows}
    assert found == {
        ("halved", "joint", "their_balancer:Halved"),
        ("to_the_end+halved", "their_curriculum:ToTheEnd", "their_balancer:Halved"),
        ("sum+apart", "joint", "sum"),
    }
    assert {row["kind"] for row in rows} == {"their_kind:VERDICT", "regression"}
    assert json.loads(rows[0]["config"])["encoder.name"] == "their_encoder:OneLayer"
    table = swept.partition("over best baseline")[2].partition("report:")[0]
    assert "halved" in table
    assert "their_" not in table


@pytest.mark.ray
@pytest.mark.usefixtures("swept", "_forgotten")
def test_a_kept_model_of_theirs_predicts_with_their_code_and_says_what_it_misses_without(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (model,) = (folder / "out" / "models").glob("*-sum+apart-*")

    def ask(*more):
        words = ["predict", str(model), "--data", "rows/test.parquet", "--out", "answers.parquet"]
        monkeypatch.setattr(sys, "argv", ["ray-mtlkd", *words, *more])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0

    assert ask() == 2
    missed = ("their_encoder:OneLayer", "their_sharing:Apart", "their_regularizer:Decay")
    *lines, count = capsys.readouterr().err.splitlines()
    assert count == "3 errors"
    for name, line in zip(missed, lines, strict=True):
        assert f"{name!r} cannot be imported" in line
        assert "--code" in line
    assert ask("--code", "code") == 0
    assert pq.read_table(folder / "answers.parquet").column_names == [
        "row",
        "fine_verdict",
        "fine_probability",
        "size_prediction",
    ]


@pytest.mark.usefixtures("_forgotten")
def test_a_plug_in_that_breaks_its_contract_is_one_error_and_nothing_starts(
    folder, tmp_path, monkeypatch, capsys, worded
):
    broken = {"their_encoder": EVERY["their_encoder"].replace("def build", "def make")}
    for name, source in {**EVERY, **broken}.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["ray-mtlkd", "check", "space.yaml", "--code", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    worded(capsys.readouterr().err)
