"""Tell administrators which operators there are, what each says it can do, and whether it can be asked now."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from numseal.domain.errors import not_found
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.operator import Capabilities
from numseal.usecases.ask_operator import NOT_CONNECTED, AskOperator
from numseal.usecases.operator_circuit import CircuitState
from numseal.usecases.operator_failures import CIRCUIT_OPEN

SILENT = "CAPABILITIES_UNKNOWN"
"""The reason of an operator that does not tell what it can do."""


@dataclass(frozen=True, slots=True)
class OperatorView:
    """An operator as it is now; `unavailable_reason` is UPPER_SNAKE, empty where it can be asked.

    OPERATOR_UNWELL means that at least one kind of call is left alone for a while, under one agreement or more;
    `circuits` has the worst state of each kind, by the name of the port's method.
    """

    operator_id: str
    display_name: str
    plmns: tuple[str, ...]
    capabilities: Capabilities | None
    unavailable_reason: str
    circuits: Mapping[str, CircuitState]


class ListOperators:
    """Lists operators: those of the number plan, and those that are connected."""

    def __init__(
        self,
        *,
        ask: AskOperator,
        known: Collection[str],
        connected: Collection[str],
        names: Mapping[str, OperatorInfo],
    ) -> None:
        """Take what it needs by name; `names` are those that more than an id is known of."""
        self._ask = ask
        self._known = sorted({*known, *connected})
        self._connected = frozenset(connected)
        self._names = names

    async def get(self, operator_id: str) -> OperatorView:
        """Return an operator; raises Refusal NOT_FOUND."""
        if operator_id not in self._known:
            raise not_found("OPERATOR_NOT_FOUND", "operator_id: there is no such operator")
        return await self._view(operator_id)

    async def page(self, after: str, size: int) -> tuple[list[OperatorView], str]:
        """Return operators behind an id, and the id behind which the next page begins, empty on the last one."""
        fitting = [operator_id for operator_id in self._known if operator_id > after]
        shown = fitting[:size]
        views = await asyncio.gather(*map(self._view, shown))
        return views, shown[-1] if len(fitting) > size else ""

    async def _view(self, operator_id: str) -> OperatorView:
        told = await self._ask.capabilities(operator_id)
        info = self._names.get(operator_id)
        plmns = told.plmns if told is not None else ()
        if not plmns and info is not None:
            plmns = tuple(str(plmn) for plmn in info.plmns)
        name = operator_id if info is None else info.name
        circuits = self._ask.circuits(operator_id)
        return OperatorView(operator_id, name, plmns, told, self._reason(operator_id, told, circuits), circuits)

    def _reason(self, operator_id: str, told: Capabilities | None, circuits: Mapping[str, CircuitState]) -> str:
        if operator_id not in self._connected:
            return NOT_CONNECTED
        if any(state is not CircuitState.CLOSED for state in circuits.values()):
            return CIRCUIT_OPEN
        return SILENT if told is None else ""
