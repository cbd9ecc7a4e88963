"""Names of setups, strategies and trials as file names."""

import re
import unicodedata

_SIGNS = {"/": "~", ":": "@"}


def safe_name(name: str) -> str:
    """A name as a part of a file name: readable, and different for different names.

    Letters, digits and ``_ . + -`` stay, ``/`` is ``~`` and ``:`` is ``@``; of any other sign, also of these two, each
    byte in UTF-8 becomes ``,HH``. No file system and no URI reads these in a way of its own.
    """
    return re.sub(r"[^\w.+-]", lambda sign: _SIGNS.get(sign[0]) or _bytes(sign[0]), name)


def _bytes(sign: str) -> str:
    return "".join(f",{byte:02X}" for byte in sign.encode(errors="surrogatepass"))


def trial_name(setup: str, strategy: str, *, index: int, seed: int) -> str:
    """A trial's name: different for the configurations and seeds of a setup and a strategy.

    Args:
        setup: Its name, which is safe as it is.
        strategy: Its label.
        index: Of the configuration.
        seed: Of the training.
    """
    return f"{setup}-{safe_name(strategy)}-c{index}-s{seed}"


def folded(name: str) -> str:
    """What two file names have in common that are one for some file system: that of macOS, say, ignores cases."""
    return unicodedata.normalize("NFC", name).casefold()
