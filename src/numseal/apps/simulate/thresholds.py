"""Variants of the packaged policy: its rules' time thresholds made longer or shorter, everything else as it is."""

import tomllib
from importlib import resources
from typing import Any

from numseal.domain.policy import Policy, parse_policy
from numseal.domain.rules import SHAPES

_TIMES = ("_days", "_hours", "_minutes")


def scaled_policy(factor: float) -> Policy | None:
    """Return the packaged policy with its rules' time thresholds times `factor`; None for 1, the policy itself."""
    if factor == 1:
        return None
    text = resources.files("numseal.apps").joinpath("data", "policy.toml").read_text(encoding="utf-8")
    document: dict[str, Any] = tomllib.loads(text)
    for rule in document["rules"].values():
        for key, value in rule.items():
            if key.endswith(_TIMES):
                rule[key] = max(1, round(value * factor))
    document["name"] = f"{document['name']}-x{factor:g}"
    return parse_policy(document, SHAPES)
