"""[[operators]] of the configuration: who an operator is, and the parts that it is reached by.

[[operators]]
id = "example"
name = "Example Mobile"
country = "RU"
plmns = ["250-01"]
[[operators.parts]]
name = "hlr"
adapter = "osmo_hlr"
host = "127.0.0.1"

An operator of several parts is asked part by part: the first part that offers a signal or a method gives it.
"""

from dataclasses import dataclass

from numseal.adapters.operators.composed.backend import ComposedOperator
from numseal.adapters.operators.composed.parts import NAME, Part
from numseal.adapters.operators.composed.settings import Settings
from numseal.apps.config_reader import Table
from numseal.apps.config_settings import read_settings
from numseal.apps.operator_adapters import Make, read_adapter
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.permissions import COUNTRIES
from numseal.domain.plmn import Plmn
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorBackend
from numseal.usecases.ask_operator import MAX_IN_FLIGHT

_ID = r"[a-z0-9-]{1,64}"
_PLMN = r"[0-9]{3}-[0-9]{2,3}"
_MOST_IN_FLIGHT = 100_000


@dataclass(frozen=True, slots=True)
class OperatorConfig:
    """One operator: `max_in_flight` (512) calls may be under way there at once; the parts in their order."""

    info: OperatorInfo
    parts: tuple[tuple[str, Make], ...]
    composition: Settings
    max_in_flight: int

    def backend(self, clock: Clock) -> OperatorBackend:
        """Make what answers for the operator; raises ConfigError where a part's settings cannot be used."""
        parts = [Part(name, make(self.info, clock)) for name, make in self.parts]
        if len(parts) == 1:
            return parts[0].backend
        plmns = tuple(str(plmn) for plmn in self.info.plmns)
        return ComposedOperator(self.info.operator_id, plmns, parts, clock, self.composition)


def read_operators(tables: list[Table]) -> tuple[OperatorConfig, ...]:
    """Read [[operators]]; raises ConfigError."""
    operators: dict[str, OperatorConfig] = {}
    for table in tables:
        operator = _operator(table)
        operator_id = operator.info.operator_id
        if operator_id in operators:
            raise table.error("id", f"{operator_id!r} a second time", "an id of its own")
        operators[operator_id] = operator
    return tuple(operators.values())


def _operator(table: Table) -> OperatorConfig:
    operator_id = table.text("id", pattern=_ID, expected="1 to 64 characters of a-z, 0-9 and -")
    plmns = table.texts("plmns", pattern=_PLMN, expected='a network as "250-01"')
    if not plmns:
        raise table.error("plmns", "nothing", 'at least one network, such as ["250-01"]')
    info = OperatorInfo(
        operator_id=operator_id,
        name=table.text("name", operator_id, pattern=".{1,255}", expected="1 to 255 characters"),
        plmns=tuple(Plmn.parse(plmn) for plmn in plmns),
        country=table.text("country", "", fits=COUNTRIES.__contains__, expected='a country such as "RU"'),
    )
    most = table.integer("max_in_flight", MAX_IN_FLIGHT, low=1, high=_MOST_IN_FLIGHT)
    parts: dict[str, Make] = {}
    for part in table.tables("parts"):
        name, make = _part(part)
        if name in parts:
            raise part.error("name", f"{name!r} a second time", "a name of its own")
        parts[name] = make
    if not parts:
        raise table.error("parts", "nothing", "[[operators.parts]], at least one, with its adapter")
    composition = read_settings(table, Settings)
    table.close()
    return OperatorConfig(info, tuple(parts.items()), composition, most)


def _part(table: Table) -> tuple[str, Make]:
    adapter = table.text("adapter", expected="the name of an adapter")
    name = table.text(
        "name",
        adapter.replace("_", "-"),
        pattern=NAME.pattern,
        expected="1 to 32 characters of a-z, 0-9 and -",
    )
    return name, read_adapter(table, adapter)
