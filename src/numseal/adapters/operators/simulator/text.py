"""Whether a message fits one SMS (TS 23.038). Pure."""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")
SEPTETS = 160
UCS2_UNITS = 70
PLACEHOLDER = "{{code}}"


def fits_one_sms(text: str) -> bool:
    """Tell whether the text fits 140 octets: 160 septets of the default alphabet, else 70 units of UCS-2."""
    letters = set(text)
    if letters <= BASIC:
        return len(text) <= SEPTETS
    if letters <= BASIC | EXTENDED:
        return len(text) + sum(letter in EXTENDED for letter in text) <= SEPTETS
    return len(text.encode("utf-16-be", errors="replace")) <= 2 * UCS2_UNITS


def fill(template: str, code: str) -> str | None:
    """Put the code in its place; None where the template does not hold `{{code}}` exactly once."""
    if template.count(PLACEHOLDER) != 1:
        return None
    return template.replace(PLACEHOLDER, code)
