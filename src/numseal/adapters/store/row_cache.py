"""What checks of a number shown read most: the rows of accounts that hold the number they show.

An answer is kept only where the account's own live binding is for the number shown: then, a number having one holder,
nothing but a change of this account's own bindings can make it wrong, and `forget` is called for each of those.
"""

from collections import OrderedDict

from numseal.domain.binding import LIVE
from numseal.ports.store import AccountRows


class RowCache:
    """Keeps the answers for the accounts that were asked for last; owned by the store, which forgets on publication."""

    __slots__ = ("_accounts", "_size")

    def __init__(self, size: int) -> None:
        """Keep up to `size` accounts; 0 keeps none."""
        self._size = size
        self._accounts: OrderedDict[tuple[str, str], dict[str, AccountRows]] = OrderedDict()

    def get(self, account: tuple[str, str], phone_number: str) -> AccountRows | None:
        """Return a kept answer."""
        numbers = self._accounts.get(account)
        if numbers is None:
            return None
        self._accounts.move_to_end(account)
        return numbers.get(phone_number)

    def keep(self, account: tuple[str, str], phone_number: str, answer: AccountRows) -> None:
        """Keep an answer, if it is one that can be."""
        if self._size and any(row.same_number and row.state in LIVE for row in answer.rows):
            self._accounts.setdefault(account, {})[phone_number] = answer
            if len(self._accounts) > self._size:
                self._accounts.popitem(last=False)

    def forget(self, account: tuple[str, str]) -> None:
        """Drop what is kept of an account."""
        self._accounts.pop(account, None)
