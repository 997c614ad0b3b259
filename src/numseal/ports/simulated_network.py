"""The simulated network for those who play its people: read a handset, look at a subscriber, change one."""

from typing import Protocol

from numseal.domain.simulation import (
    At,
    Change,
    EmittedEvent,
    Message,
    OpenedPage,
    OperatorBehavior,
    SimulatedOperatorInfo,
    SimulatedSubscriber,
)


class SimulatedNetwork(Protocol):
    """Looks into the simulation and changes it; never in front of a real operator.

    Concurrency: every call belongs to the event loop's thread; `inbox` may be awaited by many tasks at once.
    Durability: none, a restart draws the same network from the same seed and forgets all changes and
    messages. Errors: `Refusal` and nothing else, NOT_FOUND / PHONE_NUMBER_NOT_SIMULATED for a number in no
    simulated range.
    """

    def operators(self) -> tuple[SimulatedOperatorInfo, ...]:
        """Return the simulated operators, by `operator_id`."""

    def subscriber(self, msisdn: str) -> SimulatedSubscriber:
        """Return what the simulation knows of a number."""

    def change(self, msisdn: str, *changes: Change | At) -> SimulatedSubscriber:
        """Apply the changes together, in order, or none of them; a change without `At` happens now.

        Raises `Refusal` INVALID_ARGUMENT for values no network could take, FAILED_PRECONDITION where the
        number's state does not allow the change.
        """

    def set_behavior(self, operator_id: str, behavior: OperatorBehavior) -> SimulatedOperatorInfo:
        """Make an operator slow, failing or silent, or well again; return it as it is now.

        Raises `Refusal` NOT_FOUND / OPERATOR_NOT_SIMULATED, INVALID_ARGUMENT for a delay out of range.
        """

    def emit(self, msisdn: str, event: EmittedEvent) -> str:
        """Send an operator's event about a number, changing nothing; return its id, empty where nobody watches."""

    def open_page(self, msisdn: str, auth_url: str) -> OpenedPage:
        """Open a network check's page from a handset over its mobile data.

        Raises `Refusal` NOT_FOUND / AUTH_URL_UNKNOWN for an address that no operator gave out, or long ago.
        """

    def advance_clock(self, seconds: int) -> int:
        """Move a simulated clock forward; return the time now, Unix seconds.

        Raises `Refusal` FAILED_PRECONDITION / REAL_CLOCK where the clock is not simulated.
        """

    async def inbox(self, msisdn: str, after: str = "", wait: float = 0.0) -> tuple[Message, ...]:
        """Return the messages that came after the message with the id `after`, the oldest first.

        Only the newest 100 are kept. Where there are none, waits up to `wait` seconds (0 to 30) for the
        first.
        """
