import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_mtlkd.sweep.names import folded, safe_name, trial_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sequential_kd+gradnorm", "sequential_kd+gradnorm"),
        ("kd-low", "kd-low"),
        ("kd/low", "kd~low"),
        ("torchjd:UPGrad", "torchjd@UPGrad"),
        ("déjà vu", "déjà,20vu"),
        ("a~b@c,d", "a,7Eb,40c,2Cd"),
    ],
)
def test_a_file_name_reads_as_the_name_does(name, expected):
    assert safe_name(name) == expected


@given(st.text(max_size=12))
def test_a_name_can_be_told_from_its_file_name(name):
    written = safe_name(name)
    assert not re.search(r"[/:\\\0\s%?*#]", written)
    plain = written.replace("~", ",2F").replace("@", ",3A")
    parts = re.split(r"((?:,[0-9A-F]{2})+)", plain)
    told = [bytes.fromhex(part.replace(",", "")).decode(errors="surrogatepass") for part in parts[1::2]]
    assert "".join(text for pair in zip(parts[::2], [*told, ""], strict=True) for text in pair) == name


def test_a_trial_s_name_says_its_setup_strategy_configuration_and_seed():
    assert trial_name("shop", "kd/low", index=2, seed=7) == "shop-kd~low-c2-s7"


def test_names_that_differ_only_in_case_or_in_how_an_accent_is_written_are_alike():
    assert folded("KD-\u00e9") == folded("kd-e\u0301")
