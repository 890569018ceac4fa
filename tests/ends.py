"""How a command ends that an error ends."""

from __future__ import annotations

import pytest

from tbspot import __main__ as entry
from tbspot import cli


def told_of(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """What a command says that ends with an error and exit code 1."""

    def app() -> None:
        raise error

    monkeypatch.setattr(cli, "app", app)
    with pytest.raises(SystemExit) as exit_info:
        entry.main()
    assert exit_info.value.code == 1
    return capsys.readouterr().err
