"""Which operator a number is routed to: where the porting file has it, else whose range it lies in.

By operator ids alone: a network's code says little, since virtual operators share it. What an operator answers comes
after this, and is for the use cases.
"""

from typing import Protocol

from numseal.domain.number_plan import NumberPlan
from numseal.domain.porting import NO_PORTING, Porting


class Routes(Protocol):
    """Where numbers are routed now; asked anew each time, since it may change."""

    def owner(self, msisdn: str) -> str | None:
        """Return the operator that a number is routed to, None for none."""

    def matches(self, msisdn: str) -> bool:
        """Tell whether a range has the number, its length included; fit for `parse_msisdn(known=...)`."""


class Routing:
    """The number plan and the porting file in force; implements `Routes`.

    Mutable by `replace` only, which its owner calls when the files are read again. A verification under way keeps the
    operator that it was routed to.
    """

    __slots__ = ("_inforce",)

    def __init__(self, plan: NumberPlan, porting: Porting = NO_PORTING) -> None:
        """Take the plan, and the numbers that were carried to another operator."""
        self._inforce = plan, porting

    @property
    def plan(self) -> NumberPlan:
        """The number plan in force."""
        return self._inforce[0]

    @property
    def porting(self) -> Porting:
        """The porting file in force."""
        return self._inforce[1]

    def owner(self, msisdn: str) -> str | None:
        """Return the operator that a number is routed to, None for none."""
        plan, porting = self._inforce
        return porting.operator(msisdn) or plan.owner(msisdn)

    def matches(self, msisdn: str) -> bool:
        """Tell whether a range has the number."""
        return self._inforce[0].matches(msisdn)

    def replace(self, plan: NumberPlan, porting: Porting = NO_PORTING) -> None:
        """Put others in force, both at once."""
        self._inforce = plan, porting
