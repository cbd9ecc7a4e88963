"""The search space that a sweep left in its folder."""

from typing import Any

from ray_mtlkd.decode import decode
from ray_mtlkd.storage import join_uri, reaching
from ray_mtlkd.sweep_folder import SPACE, SweepFolder
from ray_mtlkd.yaml_files import parse_yaml, text_of


def left_space(result: str) -> dict[str, Any]:
    """As plain data; empty where the folder, or the file that stands for one, has none.

    Raises:
        MtlkdError: where the folder cannot be reached, or its search space is not what a sweep left there.
        ExceptionGroup: of ``MtlkdError``, where it is so in many ways.
    """
    folder = SweepFolder.at(result)
    with reaching(folder.uri):
        content = None if folder.root.is_file else folder.described(SPACE)
    if content is None:
        return {}
    where = join_uri(folder.uri, SPACE)
    return decode(dict[str, Any], parse_yaml(text_of(content, where=where), where=where), where=where)
