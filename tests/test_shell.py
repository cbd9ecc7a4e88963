import re
import shlex
from pathlib import Path

import ray_mtlkd
from ray_mtlkd.shell import command


def test_a_shell_takes_the_words_apart_again():
    words = ["ray-mtlkd", "report", "my runs/it's [1]", "--out", "s3://b/x?a=b&c=d"]
    assert shlex.split(command(*words[:2], Path(words[2]), *words[3:])) == words
    assert command("ray-mtlkd", "check", "space.yaml") == "ray-mtlkd check space.yaml"


def test_no_command_with_a_value_in_it_is_written_without_its_quotes():
    pattern = re.compile(r"(?:ray-mtlkd [a-z]|tensorboard --|`--)[^`'\"]*\{")
    for path in Path(ray_mtlkd.__file__).parent.rglob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if pattern.search(line)], path
