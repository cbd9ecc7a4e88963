import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]


def classes_by_name(*folders):
    """Files by the name of each class in them, an underscore in front or not."""
    found = defaultdict(list)
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name.lstrip("_")].append(path.name)
    return found


def test_no_two_classes_have_the_same_name():
    assert {
        name: files
        for name, files in classes_by_name(ROOT / "ray_mtlkd", ROOT / "benchmarks").items()
        if len(files) > 1
    } == {}


def test_two_classes_of_one_name_are_found(tmp_path):
    for name, source in (("a.py", "class Head: ..."), ("b.py", "class _Head: ...")):
        (tmp_path / name).write_text(source)
    assert classes_by_name(tmp_path) == {"Head": ["a.py", "b.py"]}
