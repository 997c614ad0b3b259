"""Pages of the administrator's lists: sizes, and tokens that hold where the next page begins and for which list.

A token is base64url of JSON. It is no secret, and gives nobody anything that the list itself would not.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Protocol

from numseal.domain.errors import Refusal, invalid

DEFAULT_PAGE, MAX_PAGE = 100, 1_000
MAX_TOKEN = 1_024

Filter = str | int | None


class Paged(Protocol):
    """A request for a page."""

    @property
    def page_size(self) -> int:
        """Most to answer with, 0 for the default."""

    @property
    def page_token(self) -> str:
        """Token of the page before, empty for the first."""


def page_of(name: str, request: Paged, *filters: Filter) -> tuple[int, str]:
    """Return how many are wanted, and behind what; raises Refusal for a token of another list or other filters."""
    size = request.page_size
    if not 0 <= size <= MAX_PAGE:
        raise invalid("page_size", "PAGE_SIZE_OUT_OF_RANGE", f"page_size: 0 to {MAX_PAGE} are expected, not {size}")
    if not request.page_token:
        return size or DEFAULT_PAGE, ""
    try:
        if len(request.page_token) > MAX_TOKEN:
            raise _malformed()
        found = json.loads(urlsafe_b64decode(request.page_token.encode()))
    except (ValueError, binascii.Error, RecursionError):
        raise _malformed() from None
    if not isinstance(found, list) or found[:-1] != [name, *filters] or not isinstance(found[-1], str):
        raise _malformed()
    if name == "audit" and not (found[-1].isascii() and found[-1].isdigit() and len(found[-1]) <= 18):  # noqa: PLR2004
        raise _malformed()
    return size or DEFAULT_PAGE, found[-1]


def token_of(name: str, after: str, *filters: Filter) -> str:
    """Return the token of the page behind `after`, empty where there is none."""
    if not after:
        return ""
    return urlsafe_b64encode(json.dumps([name, *filters, after], separators=(",", ":")).encode()).decode()


def _malformed() -> Refusal:
    return invalid(
        "page_token",
        "PAGE_TOKEN_MALFORMED",
        "page_token: not one that this list gave for the same other fields",
    )
