"""What becomes of one changed file."""

import shutil
import tempfile
import traceback
import warnings
from pathlib import Path

from ray_mtlkd.errors import MtlkdError
from tests.fuzz.doors import Door

MEMORY, HANG_S = 8 * 2**30, 20
"""Bytes, and seconds of CPU, that whatever reads a file may take."""
_PACKAGE = "ray_mtlkd"


def fault_of(door: Door, data: bytes) -> str | None:
    """How reading a file ended, in a line; None where it was read, or refused as it should be."""
    folder = Path(tempfile.mkdtemp())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            door.read(data, folder)
    except MtlkdError:
        return None
    except BaseExceptionGroup as errors:
        rest = errors.split(MtlkdError)[1]
        return None if rest is None else _said(rest.exceptions[0])
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
        return _said(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return None


def _said(error: BaseException) -> str:
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if f"/{_PACKAGE}/" in frame.filename]
    place = f"{own[-1].filename.partition(f'/{_PACKAGE}/')[2]}:{own[-1].lineno} {own[-1].name}" if own else "elsewhere"
    words = " ".join(str(error).split())[:90]
    return f"{place}: {type(error).__name__}: {words}"
