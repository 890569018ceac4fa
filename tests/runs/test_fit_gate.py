"""The gate's rule is fitted into the file that the gate reads."""

from __future__ import annotations

import json

import fit_gate

from tbspot.gate import chest


def test_the_rule_is_written_where_the_gate_reads_it() -> None:
    rule = json.loads(fit_gate.RULE.read_text("utf-8"))
    assert rule["threshold"] == chest.threshold()
    assert len(rule["weights"]) == len(chest.KINDS)
