"""Changes files of a door by what its reader has not yet gone through, until one ends otherwise than by an error.

python -m tests.fuzz.guided --door manifest --seconds 600 --keep DIR

Needs atheris (`pip install -e '.[dev,fuzz]'`). What it found to lead somewhere new stays in DIR, where the next run
begins, and so does a file that ends in a fault.
"""

import argparse
import contextlib
import random
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ray_mtlkd"]):
    from tests.fuzz.doors import DOORS, Door
    from tests.fuzz.reading import HANG_S, MEMORY, fault_of
import torch


class FoundError(Exception):
    """A file was neither read nor refused as it should be."""


def read_of(door: Door) -> Callable[[bytes], None]:
    """What reads one file, and tells of a fault as atheris takes it."""

    def read(data: bytes) -> None:
        fault = fault_of(door, bytes(data))
        if fault is not None:
            raise FoundError(fault)

    return read


def change_of(door: Door) -> Callable[[bytes, int, int], bytes]:
    """What changes one file: by the door's own changes, which know its form, as often as by libFuzzer's."""

    def change(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.5:
            with contextlib.suppress(Exception):  # no file of that form any more
                changed = rng.choice(door.changes)(bytes(data), rng)
                if len(changed) <= most:
                    return changed
        return atheris.Mutate(data, min(most, len(data) + 256))

    return change


def main() -> None:
    """The command line; does not come back: libFuzzer ends the process, with another status than 0 for a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--door", required=True, choices=list(DOORS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, required=True, metavar="DIR")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    fuzz(DOORS[asked.door](), keep=asked.keep, seconds=asked.seconds, seed=asked.seed)


def fuzz(door: Door, *, keep: Path, seconds: int, seed: int) -> None:
    """Reads changed files for so long, or until a fault; ends the process."""
    samples = keep / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(door.samples):
        (samples / f"sound-{number}").write_bytes(sample)
    options = {
        "max_total_time": seconds,
        "seed": seed,
        "max_len": 2 * max(map(len, door.samples)),
        "timeout": HANG_S,
        "rss_limit_mb": MEMORY // 2**20,
        "artifact_prefix": f"{keep}/",
    }
    atheris.Setup(
        [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(samples)],
        read_of(door),
        custom_mutator=change_of(door),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
