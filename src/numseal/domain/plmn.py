"""Mobile networks by their code (MCC, MNC: ITU-T E.212). Only the code lives here, no table of networks."""

import re
from dataclasses import dataclass

_WRITTEN = re.compile(r"([0-9]{3})-([0-9]{2,3})")


@dataclass(frozen=True, slots=True, order=True)
class Plmn:
    """A public land mobile network.

    `mcc` has three digits. `mnc` has two or three, and they differ: 001-01 is not 001-001 (ITU-T E.212 §6).
    """

    mcc: str
    mnc: str

    def __post_init__(self) -> None:
        """Refuse anything that is not digits of the right count."""
        if not _WRITTEN.fullmatch(f"{self.mcc}-{self.mnc}"):
            raise ValueError(f"no PLMN is {self.mcc!r}-{self.mnc!r}: expected three digits and two or three digits")

    @classmethod
    def parse(cls, text: str) -> "Plmn":
        """Read "250-01"; raise `ValueError` for anything else.

        The form without a dash is refused too: it does not tell how long the MNC is.
        """
        found = _WRITTEN.fullmatch(text)
        if not found:
            raise ValueError(f"{text[:20]!r} is not a PLMN: expected MCC, dash, MNC, such as 250-01")
        return cls(found[1], found[2])

    def __str__(self) -> str:
        """Return "250-01"."""
        return f"{self.mcc}-{self.mnc}"
