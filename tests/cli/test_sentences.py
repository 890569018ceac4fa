from __future__ import annotations

import pytest

from tbspot.cli._sentences import as_options


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("add `overwrite=True` to replace it", "add --overwrite to replace it"),
        ('use `precision="float32"`, or', "use --precision float32, or"),
        ("give `map_threshold`", "give --map-threshold"),
        ("make one with `tbspot locate`", "make one with `tbspot locate`"),
        ("`pip install 'tbspot[train]'`", "`pip install 'tbspot[train]'`"),
        ("a file named `Odd` stays", "a file named `Odd` stays"),
    ],
)
def test_parameters_are_shown_as_options_and_commands_as_they_are(
    sentence: str, shown: str
) -> None:
    assert as_options(sentence) == shown
