"""What the adapter gives away and takes back under its own key: challenges, and tokens of those who notify.

Every use has a label of its own, so that what was sealed for one is nothing for another.
"""

import base64
import hashlib
import hmac

from numseal.adapters.operators.camara.settings import SettingsError

KEY_SIZE = 32

_TAG = 16


class Seals:
    """Makes and checks keyed hashes. Holds the key and no other state."""

    def __init__(self, key: bytes) -> None:
        """Take a secret key of 32 bytes, the same on every node and after a restart."""
        if len(key) != KEY_SIZE:
            raise SettingsError(f"key: {KEY_SIZE} secret bytes are expected")
        self._key = key

    def seal(self, label: str, about: str, content: bytes) -> bytes:
        """Return content that only `open` with the same label and `about` takes back."""
        return self._tag(label, about, content) + content

    def open(self, label: str, about: str, sealed: bytes) -> bytes | None:
        """Return the content, None where it was not sealed here for this."""
        tag, content = sealed[:_TAG], sealed[_TAG:]
        return content if hmac.compare_digest(tag, self._tag(label, about, content)) else None

    def derive(self, label: str, about: str) -> str:
        """Return a text that nobody can guess and that is the same each time: 43 characters of base64url."""
        return base64.urlsafe_b64encode(self._mac(label, about, b"")).rstrip(b"=").decode("ascii")

    def _tag(self, label: str, about: str, content: bytes) -> bytes:
        return self._mac(label, about, content)[:_TAG]

    def _mac(self, label: str, about: str, content: bytes) -> bytes:
        head = f"{len(label)}.{len(about)}.{label}{about}".encode()
        return hmac.digest(self._key, head + content, hashlib.sha256)
