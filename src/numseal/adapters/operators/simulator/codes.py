"""Codes that a simulated operator makes and checks itself: single use, counted attempts, an expiry."""

import hmac
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b

from numseal.domain.operator import CodeCheck, CodeChecked, CodeOrder, CodeOutcome

KEPT_CODES = 10_000


@dataclass(slots=True)
class Code:
    """A code on its way or in a handset; `number` is the number it was sent to."""

    number: str
    digits: str
    expire_time: int
    attempts_remaining: int
    used: bool = False
    replaced: bool = False


class CodeBook:
    """Owns the newest 10,000 codes of one operator, in memory."""

    def __init__(self, key: bytes, attempts: int, *, prior_codes_valid: bool) -> None:
        """Take the key that makes the codes, the attempts a code allows, and whether older codes live on."""
        self._key = key
        self._attempts = attempts
        self._prior_codes_valid = prior_codes_valid
        self._codes: OrderedDict[bytes, Code] = OrderedDict()
        self._latest: dict[str, bytes] = {}

    def digits(self, order: CodeOrder) -> str:
        """Return the order's code: as many digits as it asks for, the same for the same request."""
        number = int.from_bytes(hmac.digest(self._key, order.request_id.encode(), "sha256"))
        return str(number % 10**order.length).zfill(order.length)

    def challenge(self, order: CodeOrder) -> bytes:
        """Return the opaque bytes that name the order's code, 16 of them."""
        return blake2b(order.request_id.encode(), key=self._key, digest_size=16).digest()

    def add(self, order: CodeOrder, digits: str) -> None:
        """Keep the code that is being sent for an order."""
        challenge = self.challenge(order)
        earlier = self._codes.get(self._latest.get(order.phone_number, b""))
        if earlier is not None and not self._prior_codes_valid:
            earlier.replaced = True
        self._codes[challenge] = Code(order.phone_number, digits, order.expire_time, self._attempts)
        self._latest[order.phone_number] = challenge
        while len(self._codes) > KEPT_CODES:
            oldest, code = self._codes.popitem(last=False)
            if self._latest.get(code.number) == oldest:
                del self._latest[code.number]

    def check(self, check: CodeCheck, now: int) -> CodeChecked:
        """Compare, and count the attempt."""
        code = self._codes.get(check.challenge)
        if code is None or code.number != check.phone_number:
            return CodeChecked(CodeOutcome.UNKNOWN)
        if code.used:
            return CodeChecked(CodeOutcome.USED, 0)
        if code.replaced or now >= code.expire_time:
            return CodeChecked(CodeOutcome.EXPIRED, 0)
        if code.attempts_remaining == 0:
            return CodeChecked(CodeOutcome.EXHAUSTED, 0)
        code.attempts_remaining -= 1
        if not hmac.compare_digest(code.digits.encode(), check.code.encode(errors="replace")):
            return CodeChecked(CodeOutcome.MISMATCH, code.attempts_remaining)
        code.used = True
        return CodeChecked(CodeOutcome.MATCH, code.attempts_remaining)
