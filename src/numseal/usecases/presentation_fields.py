"""Check the fields with which a presentation comes, before anything in it is judged."""

from numseal.attestation import key_binding, presentation
from numseal.domain.errors import invalid


def check_presentation_fields(text: str, nonce: str, audience: str) -> None:
    """Refuse a presentation that is empty or over 16 KiB, and a nonce or an audience over 255 bytes."""
    size = len(text.encode())
    if not text:
        message = "presentation: an SD-JWT is expected, with a KB-JWT where the attestation has `cnf`"
        raise invalid("presentation", "PRESENTATION_REQUIRED", message)
    if size > presentation.MAX_BYTES:
        message = f"presentation: {size} bytes; at most {presentation.MAX_BYTES} are expected"
        raise invalid("presentation", "PRESENTATION_TOO_LARGE", message)
    for field, value in (("nonce", nonce), ("audience", audience)):
        length = len(value.encode())
        if length > key_binding.MAX_TEXT_BYTES:
            message = f"{field}: {length} bytes; at most {key_binding.MAX_TEXT_BYTES} are expected"
            raise invalid(field, f"{field.upper()}_TOO_LONG", message)


def require_demand(nonce: str, audience: str) -> None:
    """Refuse to judge key binding without nonce and audience: a copy would look the same as the holder."""
    for field, value in (("nonce", nonce), ("audience", audience)):
        if not value:
            message = f"{field}: empty; key binding is judged by the nonce and the audience demanded of the holder"
            raise invalid(field, f"{field.upper()}_REQUIRED", message)
