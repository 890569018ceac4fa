"""Lay what was learnt of a model since its file was made beside it, in a few bytes.

    python runs/amend.py MODEL.onnx --no-mirror --note "half the time, and on 100 films no worse"

Takes a model and what is to change; adds it to MODEL.amended.json, and writes MODEL.selftest.npz
anew, in float32, as `tbspot export` does. runs/temperature.py does so with a temperature.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tbspot.amendment import Amendment, amendment_path
from tbspot.engine.engine import open_engine
from tbspot.errors import TbspotError
from tbspot.export.selftest import write_reference
from tbspot.files import write_json
from tbspot.parsing import read_json

__all__ = ["amend"]


def amend(model: Path, note: str, changes: dict[str, Any]) -> None:
    """Add changes, and a note on how they were chosen, to what a model is amended by."""
    path, description = amendment_path(model), open_engine(model).description
    # Refused before anything is written. What changes with it is written too, as an amendment
    # leaves everything that it does not name as the model's file has it.
    before, changed = (
        description.model_dump(),
        description.changed(changes, str(model)).model_dump(),
    )
    changes = changes | {name: changed[name] for name in changed if changed[name] != before[name]}
    if path.exists():
        amendment = read_json(path, Amendment, "an amendment of a model")
    else:
        amendment = Amendment(amends=description.version, note="")
    update = changes | {"note": "; ".join(filter(None, (amendment.note, note)))}
    after = Amendment.model_validate(amendment.model_dump() | update)
    write_json(path, after.model_dump(exclude_none=True))
    engine = open_engine(model, "float32")
    write_reference(model, engine)
    print(f"{path}: version {engine.description.version}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--mirror", action=argparse.BooleanOptionalAction)
    parser.add_argument("--score-threshold", type=float)
    parser.add_argument("--score-rule")
    parser.add_argument("--map-note")
    parser.add_argument("--note", required=True)
    given = vars(parser.parse_args())
    path, note = given.pop("model"), given.pop("note")
    changes = {name: value for name, value in given.items() if value is not None}
    try:
        amend(path, note, changes)
    except TbspotError as error:
        raise SystemExit(f"error: {error}") from error
