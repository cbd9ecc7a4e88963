from dataclasses import dataclass, field

import pytest

from ray_mtlkd.decode import decode, document, join, read_yaml, unknown_name
from ray_mtlkd.errors import MtlkdError, gather


@document
@dataclass(frozen=True, kw_only=True)
class Inner:
    lr: float = 1.0
    sizes: tuple[int, ...] = (1,)

    def __post_init__(self):
        if self.lr <= 0:
            raise ValueError(f"lr must be above 0, got {self.lr}")


@document
@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    inner: Inner
    many: dict[str, Inner] = field(default_factory=dict)


def _read(tmp_path, text):
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


def _problems(value):
    problems = []
    with gather(problems):
        decode(Outer, value, where="")
    return sorted(str(problem) for problem in problems)


def test_a_document_becomes_frozen_dataclasses_all_the_way_down(tmp_path):
    value = _read(tmp_path, "{name: a, inner: {lr: 1e-4, sizes: [1, 2]}, many: {x: {lr: 2}}}")
    assert decode(Outer, value, where="") == Outer(
        name="a", inner=Inner(lr=1e-4, sizes=(1, 2)), many={"x": Inner(lr=2.0)}
    )


@pytest.mark.parametrize("text", ["1e-4", "1E3", "-2e5", "1.5e-3", "1.e2", ".5e1"])
def test_numbers_with_an_exponent_are_numbers(tmp_path, text):
    assert _read(tmp_path, f"x: {text}")["x"] == float(text)


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ({"name": "a"}, ["inner: missing; add this key"]),
        ({"name": 3, "inner": {}}, ["name: 3 does not fit; give a string"]),
        ({"name": "a", "inner": {"lr": True}}, ["inner.lr: true does not fit; give a number"]),
        ({"name": "a", "inner": {"lr": -1.0}}, ["inner: lr must be above 0, got -1.0; correct the value"]),
        ({"name": "a", "inner": {"sizes": [1, 2.5]}}, ["inner.sizes[1]: 2.5 does not fit; give an integer"]),
        ({"name": "a", "inner": {}, "many": {"x": {"lrr": 1}}}, ["many.x.lrr: unknown key 'lrr'; did you mean 'lr'?"]),
        ({"name": "a", "inner": {"lr": float("nan")}}, ["inner.lr: nan is not a finite number"]),
        ({"name": "a", "inner": {3: 4}}, ["inner: key 3 is not text; put the key in quotes"]),
        (
            {"inner": {"lr": "x"}, "nam": "a"},
            ["inner.lr:", "nam: unknown key 'nam'; did you mean 'name'?", "name: missing"],
        ),
    ],
    ids=str,
)
def test_every_mistake_is_named_at_its_path(value, problems):
    found = _problems(value)
    assert len(found) == len(problems)
    for message, start in zip(found, problems, strict=True):
        assert message.startswith(start), message


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


def test_an_unknown_name_lists_the_valid_ones():
    error = unknown_name("grandnorm", ["sum", "gradnorm"], what="balancer", where="here")
    assert str(error) == "here: unknown balancer 'grandnorm'; did you mean 'gradnorm'? use one of: gradnorm, sum"


def test_paths_read_like_yaml():
    assert join("", "tasks", "a", 0, "b") == "tasks.a[0].b"
