"""How long a text may be to travel as one short message (TS 23.038). Pure; who sends it is another's business."""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")

MAX_SEPTETS = 160
MAX_UCS2_UNITS = 70


def length(text: str) -> tuple[int, int]:
    """Return how many units the text takes and how many one message holds.

    Units are septets where the default alphabet has all letters (TS 23.038 §6.2.1, two for a letter of its
    extension table), else 16-bit units of UCS-2 (§6.2.3).
    """
    letters = set(text)
    if letters <= _BASIC | _EXTENDED:
        return sum(2 if letter in _EXTENDED else 1 for letter in text), MAX_SEPTETS
    return len(text.encode("utf-16-be", errors="replace")) // 2, MAX_UCS2_UNITS
