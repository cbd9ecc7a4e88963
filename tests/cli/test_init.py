import csv
import sys

import pytest

from ray_mtlkd.cli import main
from ray_mtlkd.yaml_files import parse_yaml


@pytest.fixture
def say(monkeypatch, capsys):
    """Runs the command; returns its exit code and what it said."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["ray-mtlkd", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0, capsys.readouterr()

    return run


def test_what_it_writes_is_sound_and_stays_as_it_is(say, tmp_path):
    tables = tmp_path / "shop"
    tables.mkdir()
    with (tables / "people.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["age", "city", "churned"])
        rows.writerows([20 + at % 50, "xyz"[at % 3], "yes" if at % 50 > 25 else "no"] for at in range(200))
    (tables / "broken.csv").write_bytes(b"")
    code, printed = say("init", tables)
    assert code == 0, printed.err
    assert "left out" in printed.out
    assert "broken.csv" in printed.out
    assert "one task alone" in printed.out
    assert parse_yaml((tables / "shop_sweep.yaml").read_text(), where="space")["strategies"] == ["sum", "joint_kd"]
    code, printed = say("check", tables / "shop_sweep.yaml")
    assert code == 0, printed.err
    written = (tables / "shop.yaml").read_bytes()
    code, printed = say("init", tables)
    assert code == 2
    assert str(tables / "shop.yaml") in printed.err
    assert (tables / "shop.yaml").read_bytes() == written


def test_what_it_writes_of_several_labels_of_one_table_is_sound(say, tmp_path):
    with (tmp_path / "people.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["age", "city", "label_churned", "label_spend"])
        rows.writerows([20 + at % 50, "xyz"[at % 3], "yes" if at % 50 > 25 else "no", at / 7] for at in range(200))
    code, printed = say("init", tmp_path, "--name", "mine")
    assert code == 0, printed.err
    assert "one task alone" not in printed.out
    code, printed = say("check", tmp_path / "mine_sweep.yaml")
    assert code == 0, printed.err


def test_tables_with_and_without_texts_are_two_setups_and_it_is_said_how_to_have_one(say, tmp_path):
    for name, words in (("mail", "words about thing {} of some"), ("people", "{}")):
        with (tmp_path / f"{name}.csv").open("w") as file:
            rows = csv.writer(file)
            rows.writerow(["what", "label"])
            rows.writerows([words.format(at % 50), "abc"[at % 3]] for at in range(200))
    code, printed = say("init", tmp_path, "--name", "mine")
    assert code == 0, printed.err
    assert "{name: mixed" in printed.out
    assert sorted(path.name for path in tmp_path.glob("*_sweep.yaml")) == [
        "mine_columns_sweep.yaml",
        "mine_texts_sweep.yaml",
    ]
