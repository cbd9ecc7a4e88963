import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.yaml_files import read_yaml


def _read(tmp_path, text):
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


@pytest.mark.parametrize("text", ["1e-4", "1E3", "-2e5", "1.5e-3", "1.e2", ".5e1"])
def test_numbers_with_an_exponent_are_numbers(tmp_path, text):
    assert _read(tmp_path, f"x: {text}")["x"] == float(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", r"file.yaml:2: not YAML \(key 'a' stands here twice\)"),
        ("a: [1\n", r"file.yaml:\d: not YAML"),
        ("? [a]\n: 1\n", r"file.yaml:1: not YAML \(a key is not text\)"),
        ("a: 2020-13-45\n", r"file.yaml: not YAML \(month must be in 1..12"),
        (b"a: \xff\n", r"file.yaml: byte 3 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_file_that_is_not_yaml_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(MtlkdError, match=message):
        _read(tmp_path, text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MtlkdError, match=r"absent.yaml: no such file"):
        read_yaml(tmp_path / "absent.yaml")
