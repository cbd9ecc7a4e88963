import pytest
import yaml

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.yaml_files import changed, parse_yaml, read_text, read_yaml, text_of


def _read(tmp_path, text):
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


@pytest.mark.parametrize("text", ["1e-4", "1E3", "-2e5", "1.5e-3", "1.e2", ".5e1"])
def test_numbers_with_an_exponent_are_numbers(tmp_path, text):
    assert _read(tmp_path, f"x: {text}")["x"] == float(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\na: 2\n", ":2"),
        ("a: [1\n", ":2"),
        ("? [a]\n: 1\n", ":1"),
        (b"a: \xff\n", ""),
    ],
)
def test_a_file_that_is_not_yaml_is_named_with_its_line(tmp_path, text, line):
    with pytest.raises(MtlkdError) as caught:
        _read(tmp_path, text)
    assert caught.value.where == f"{tmp_path / 'file.yaml'}{line}"


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "? [a]\n: 1\n", b"a: \xff\n"], ids=["twice", "no text", "no UTF-8"])
def test_what_this_reader_alone_refuses_is_said(tmp_path, text, refused):
    with refused():
        _read(tmp_path, text)


def test_a_missing_file_is_named(tmp_path, refused):
    with refused():
        read_yaml(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "# mine\nlist: [a.yaml, 'b.yaml']  # two\nx: 1e-4\n",
            '# mine\nfolder: "/here"\nlist: [a.yaml, "new"]  # two\nx: 1e-4\n',
        ),
        ("list:\n  - a\n  # why\n  - b  # this one\nfolder: .\n", None),
        ("{list: [a, b], x: {y: 1}}", '{folder: "/here", list: [a, "new"], x: {y: 1}}'),
        ("  list: [a, b]\n  x: 2\n", '  folder: "/here"\n  list: [a, "new"]\n  x: 2\n'),
        ("name: &it b\nlist: [a, *it]\n", None),
        ("list:\n- a\n- |-\n  b\nx: 1\n", None),
        ("list: [a, &it b]\nname: *it\n", None),
    ],
)
def test_a_change_leaves_all_else_as_it_was(text, expected):
    found = changed(text, {("list", 1): "new", ("folder",): "/here"})
    wanted = parse_yaml(text, where="before")
    assert parse_yaml(found, where="after") == {**wanted, "list": [wanted["list"][0], "new"], "folder": "/here"}
    assert expected in {None, found}


def test_comments_around_a_change_stay():
    found = changed("list:\n  - a\n  # why\n  - b  # this one\n", {("list", 1): 'a "name"'})
    assert found == 'list:\n  - a\n  # why\n  - "a \\"name\\""  # this one\n'


def test_a_text_without_changes_stays_as_it_is():
    assert changed("list: [a]  # one\n", {}) == "list: [a]  # one\n"


def test_aliases_of_aliases_that_stand_for_billions_are_refused_at_once(refused):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 10)]
    with refused():
        parse_yaml("\n".join(lines), where="space.yaml")
    assert parse_yaml("\n".join(lines[:3]), where="space.yaml")["a2"][9][9][9] == "x"


@pytest.mark.parametrize(
    "value",
    [
        "!!bool foo",
        "!!timestamp foo",
        '!!int ""',
        '!!float ""',
        "!!float 1:1:1",
        f"!!int 0x{'f' * 9000}",
        "!!str 1",
        "!mine [1]",
        "!!set {a, b}",
        "! a",
    ],
)
def test_a_tag_is_refused_in_its_line_and_all_else_is_read_as_it_looks(value, worded):
    with pytest.raises(MtlkdError) as caught:
        parse_yaml(f"a: 1\nb: {value}\n", where="space.yaml")
    assert caught.value.where == "space.yaml:2"
    worded(caught.value)


_CHAIN = "\n".join(["- &a0 []", *(f"- &a{at} [*a{at - 1}]" for at in range(1, 900))])


@pytest.mark.parametrize(
    "text",
    [
        "a: [" + "[b], " * 60_000,
        "a: " + "[" * 90_000,
        "- " * 90_000,
        _CHAIN,
        "&a [*a]",
        "a: 1\nb: " + "9" * 5000,
    ],
    ids=["many", "deep", "deep in blocks", "deep by aliases", "in itself", "long number"],
)
def test_what_is_too_large_is_refused_before_it_is_read_whole(text, refused):
    with refused():
        parse_yaml(text, where="space.yaml")


def test_of_many_values_no_more_are_composed_than_may_be(monkeypatch):
    composed = []
    compose = yaml.SafeLoader.compose_node
    monkeypatch.setattr(yaml.SafeLoader, "compose_node", lambda *given: composed.append(given) or compose(*given))
    with pytest.raises(MtlkdError):
        parse_yaml("[" + "1, " * 60_000 + "]", where="space.yaml")
    assert len(composed) == 50_000


def test_a_file_is_read_no_further_than_may_be(tmp_path, refused):
    path = tmp_path / "file.yaml"
    with path.open("wb") as file:
        file.truncate(2**40)  # of zeros, which take no room on the disk
    with refused():
        read_text(path)
    with refused():
        text_of(b"\xff", where="space.yaml")
    assert text_of("a: é".encode(), where="space.yaml") == "a: é"
