"""The further files that a configuration names: policies, the number plan, ported numbers, the client networks.

What stands in them is read by the domain; here they are found, opened, and held against one another. Nothing here knows
of adapters but for the simulator's packaged plan and networks.
"""

import logging
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from numseal.adapters.operators.simulator.operators import OPERATORS, load_plan
from numseal.apps.config_reader import ConfigError, Table, read_toml
from numseal.domain.client_network import (
    NO_CLIENT_NETWORKS,
    ClientNetworkError,
    ClientNetworks,
    parse_client_networks,
)
from numseal.domain.number_plan import NumberPlan, NumberPlanError, parse_plan
from numseal.domain.policy import Policy, PolicyError, parse_policy
from numseal.domain.porting import NO_PORTING, Porting, PortingError, parse_porting
from numseal.domain.rules import SHAPES

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NamedPolicies:
    """The policy for relying parties that name none, and all policies by their names, that one included."""

    default: Policy
    by_name: Mapping[str, Policy]


def read_policies(table: Table) -> NamedPolicies:
    """Read [policy]: `file` in place of the packaged default, and `further` ones."""
    path, further = table.optional_file("file"), table.files("further")
    table.close()
    if path is None:
        packaged = resources.files("numseal.apps").joinpath("data", "policy.toml")
        default = parse_policy(tomllib.loads(packaged.read_text(encoding="utf-8")), SHAPES)
    else:
        default = _policy(path)
    by_name = {default.name: default}
    for other in further:
        policy = _policy(other)
        if policy.name in by_name:
            raise table.error(
                "further", f"{other}, a second policy named {policy.name!r}", "policies with names of their own"
            )
        by_name[policy.name] = policy
    return NamedPolicies(default, by_name)


def _policy(path: Path) -> Policy:
    try:
        return parse_policy(read_toml(path, "policy"), SHAPES)
    except PolicyError as error:
        raise ConfigError(f"{path}: {error}") from None


def read_plan(table: Table, configured: Collection[str], *, simulated: bool) -> NumberPlan:
    """Read [number_plan]: `file`, by default the simulator's where that is enabled; `configured` are operators' ids."""
    path = table.optional_file("file")
    table.close()
    if path is None:
        if not simulated:
            raise table.error("file", "nothing", "a number plan, since the simulator is off")
        return load_plan()
    try:
        plan = parse_plan(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, NumberPlanError) as error:
        raise ConfigError(f"{path}: {error}") from None
    known = {profile.info.operator_id for profile in OPERATORS}
    if simulated and (others := plan.operators() - known - set(configured)):
        raise table.error(
            "file",
            f"the operator {min(others)} in {path}",
            f"those of [[operators]] and simulated ones only ({', '.join(sorted(known))})",
        )
    return plan


def read_porting(path: Path | None, known: Collection[str]) -> Porting:
    """Read a porting file, a second or so a million rows; without one nothing was ported. Raises ConfigError.

    Operators that are not among the `known` ones are logged: a country's file has more than are connected.
    """
    if path is None:
        return NO_PORTING
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            porting = parse_porting(lines)
    except (OSError, UnicodeDecodeError, PortingError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if others := sorted(porting.operators() - set(known)):
        _log.warning(
            "%s: names operators that are neither in [[operators]] nor in the number plan, the first %s, in all %d: "
            "their numbers can be asked of nobody",
            path,
            others[0],
            len(others),
        )
    return porting


def read_client_networks(table: Table, plan: NumberPlan, *, simulated: bool) -> ClientNetworks:
    """Read [client_networks]: `file`, by default the simulator's where that is enabled, else none is known."""
    path = table.optional_file("file")
    table.close()
    if path is None:
        if not simulated:
            return NO_CLIENT_NETWORKS
        packaged = resources.files("numseal.adapters.operators.simulator").joinpath("networks.csv")
        return parse_client_networks(packaged.read_text(encoding="utf-8"))
    try:
        networks = parse_client_networks(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ClientNetworkError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if others := networks.operators() - plan.operators():
        raise table.error(
            "file",
            f"the operator {min(others)} in {path}",
            f"those of the number plan ({', '.join(sorted(plan.operators()))}), or nothing",
        )
    return networks
