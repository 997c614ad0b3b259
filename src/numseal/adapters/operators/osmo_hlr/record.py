"""A subscriber's record as OsmoHLR prints it: lines of a key, a tab and a value. Only what signals need is kept.

Values that are empty in the HLR are left out of the answer; truths are 0 and 1. Times are not in it: OsmoHLR stores
when a subscriber last registered, and tells it on its console only.
"""

import re
from dataclasses import dataclass

from numseal.adapters.operators.osmo_hlr.ctrl import CtrlError

_IMSI = re.compile(r"[0-9]{6,15}")
_NODE = re.compile(r"[!-~]{1,128}")
_TRUTHS = {"0": False, "1": True}


@dataclass(frozen=True, slots=True)
class Record:
    """One subscriber: TS 23.008 §2.1.1 (IMSI), §2.1.1.2 (access mode), §2.4.5 and §2.4.8 (nodes), §2.7.5 (purged).

    Nodes are empty where the subscriber never registered in that domain. `repr` leaves the IMSI out.
    """

    imsi: str
    nam_cs: bool
    nam_ps: bool
    vlr_number: str
    sgsn_number: str
    ms_purged_cs: bool
    ms_purged_ps: bool

    def __repr__(self) -> str:
        """Tell nothing that may not be logged."""
        return "Record()"


def read_record(value: str, digits: str) -> Record:
    """Return the record of this number; raise `CtrlError` where it is another's, or not a whole record."""
    lines = value.split("\n")[1:]
    try:
        fields = dict([line.split("\t", 1) for line in lines])
    except ValueError:
        raise CtrlError("a record with a line that is not a key and a value") from None
    if len(fields) != len(lines):
        raise CtrlError("a record that has a value twice")
    try:
        if fields["msisdn"] != digits:
            raise CtrlError("a record of another number than was asked for")
        imsi = fields["imsi"]
        nodes = fields.get("vlr_number", ""), fields.get("sgsn_number", "")
        if not _IMSI.fullmatch(imsi):
            raise CtrlError("a record whose imsi is none")
        if any(node and not _NODE.fullmatch(node) for node in nodes):
            raise CtrlError("a record whose node number is none")
        return Record(
            imsi,
            _TRUTHS[fields["nam_cs"]],
            _TRUTHS[fields["nam_ps"]],
            *nodes,
            _TRUTHS[fields["ms_purged_cs"]],
            _TRUTHS[fields["ms_purged_ps"]],
        )
    except KeyError:
        raise CtrlError("a record without msisdn, imsi, nam_cs, nam_ps, ms_purged_cs or ms_purged_ps") from None
