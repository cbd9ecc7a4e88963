import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "ray_mtlkd"


def classes_by_name(package):
    """Files by the name of each class in them, an underscore in front or not."""
    found = defaultdict(list)
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name.lstrip("_")].append(str(path.relative_to(package)))
    return found


def test_no_two_classes_have_the_same_name():
    assert {name: files for name, files in classes_by_name(PACKAGE).items() if len(files) > 1} == {}


def test_two_classes_of_one_name_are_found(tmp_path):
    for name, source in (("a.py", "class Head: ..."), ("b.py", "class _Head: ...")):
        (tmp_path / name).write_text(source)
    assert classes_by_name(tmp_path) == {"Head": ["a.py", "b.py"]}
