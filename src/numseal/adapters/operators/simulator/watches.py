"""Which numbers of one operator are watched, and for what."""

from dataclasses import dataclass

from numseal.domain.operator import EventKind, Watch, WatchOrder
from numseal.ports.operator_backend import OperatorError

MAX_WATCHES = 200_000


@dataclass(frozen=True, slots=True)
class Watched:
    """A watched number: its watch, and the kinds of events that are wanted."""

    watch: Watch
    kinds: frozenset[EventKind]


class Watches:
    """Owns the watches of one operator, at most 200,000, in memory; one a number."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_number: dict[str, Watched] = {}
        self._numbers: dict[str, str] = {}

    def begin(self, order: WatchOrder, watch_id: str, now: int) -> Watch:
        """Return the number's watch: the one it has, its kinds and time extended, else one under `watch_id`.

        Raises `OperatorError` where there are too many.
        """
        present = self.of(order.phone_number, now)
        if present is None:
            if len(self._by_number) >= MAX_WATCHES:
                raise OperatorError("TOO_MANY_WATCHES", f"this operator watches at most {MAX_WATCHES} numbers")
            present = Watched(Watch(watch_id, order.expire_time), frozenset())
        ends = (present.watch.expire_time, order.expire_time)
        expire_time = None if None in ends else max(end for end in ends if end is not None)
        watch = Watch(present.watch.watch_id, expire_time)
        self._by_number[order.phone_number] = Watched(watch, present.kinds | frozenset(order.kinds))
        self._numbers[watch.watch_id] = order.phone_number
        return watch

    def of(self, msisdn: str, now: int) -> Watched | None:
        """Return the number's watch, None where it has none or its time is over."""
        found = self._by_number.get(msisdn)
        if found is not None and found.watch.expire_time is not None and now >= found.watch.expire_time:
            self.end(msisdn)
            return None
        return found

    def end(self, msisdn: str) -> None:
        """End a number's watch, if it has one."""
        found = self._by_number.pop(msisdn, None)
        if found is not None:
            del self._numbers[found.watch.watch_id]

    def end_watch(self, watch_id: str) -> None:
        """End a watch by its id, if there is such."""
        msisdn = self._numbers.get(watch_id)
        if msisdn is not None:
            self.end(msisdn)
