"""What a command is given to reach a server: address, token, authorities. Each is checked before anything is sent.

No command's words live here, and nothing is connected.
"""

import ssl
from pathlib import Path

from numseal.apps.addresses import Address


class GivenError(ValueError):
    """Something that was given cannot be used; the message names it and what is expected."""


def check_address(text: str, option: str) -> None:
    """Refuse what is no HOST:PORT of a server; raises GivenError, which names the option."""
    address = Address.parse(text)
    if address is None or address.port == 0:
        raise GivenError(f"{option}: found {text!r}, expected HOST:PORT, such as 127.0.0.1:50051 or [::1]:50051")


def read_token(path: Path, whose: str) -> str:
    """Read a bearer token; raises GivenError, which names the file and says `whose` token is expected."""
    try:
        text = path.read_bytes().decode("ascii", "replace").strip()
    except OSError as error:
        raise GivenError(f"{path}: {error.strerror}; {whose} token is given by --token-file") from None
    if not is_token(text):
        raise GivenError(f"{path}: one line of printable ASCII characters is expected, {whose} token")
    return text


def is_token(text: str) -> bool:
    """Tell whether a text can be sent as a bearer token: other characters would end a header, or the call."""
    return bool(text) and text.isascii() and text.isprintable()


def read_authorities(path: Path | None) -> bytes | None:
    """Read the file of --ca, None where none is given; raises GivenError, which names the option."""
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GivenError(f"--ca: {path}: {error.strerror}; certificates as PEM are expected") from None
    try:
        # Comments in other character sets may stand between certificates.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=content.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError):
        raise GivenError(f"--ca: {path}: certificates as PEM are expected") from None
    return content
