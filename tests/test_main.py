import sys

import pytest

from ray_mtlkd.__main__ import main


class _Interrupted:
    """Finds no module before Ctrl-C."""

    def find_spec(self, name, path=None, target=None):
        if name == "ray_mtlkd.cli":
            raise KeyboardInterrupt


def test_ctrl_c_while_the_command_line_is_imported_ends_it_without_a_word_of_python_s(monkeypatch, capsys):
    for name in [name for name in sys.modules if name == "ray_mtlkd.cli" or name.startswith("ray_mtlkd.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Interrupted(), *sys.meta_path])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130
    assert capsys.readouterr() == ("", "")
