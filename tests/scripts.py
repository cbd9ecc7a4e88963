"""What a script on Ray printed: Ray may tell of processes that it has lost, before and after."""

import json


def json_in(printed):
    """The one line that is JSON."""
    (line,) = [line for line in printed.splitlines() if line.startswith("{")]
    return json.loads(line)
