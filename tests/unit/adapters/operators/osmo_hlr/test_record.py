"""A record is read whole, of the number that was asked about, or not at all."""

import pytest

from numseal.adapters.operators.osmo_hlr.ctrl import CtrlError
from numseal.adapters.operators.osmo_hlr.record import Record, read_record

# As osmo-hlr 1.5 prints it.
PRINTED = (
    "\nid\t1\nimsi\t250010000000001\nmsisdn\t79161234567\nnam_cs\t1\nnam_ps\t0\nvlr_number\t4915110000000"
    "\nsgsn_number\t79168960000\nms_purged_cs\t1\nms_purged_ps\t0\nperiodic_lu_timer\t0\nperiodic_rau_tau_timer\t0"
    "\nlmsi\t00000000"
)
DIGITS = "79161234567"


def test_a_record_is_read() -> None:
    read = read_record(PRINTED, DIGITS)
    assert read == Record(
        imsi="250010000000001",
        nam_cs=True,
        nam_ps=False,
        vlr_number="4915110000000",
        sgsn_number="79168960000",
        ms_purged_cs=True,
        ms_purged_ps=False,
    )


def test_a_subscriber_who_never_registered_has_no_nodes() -> None:
    text = PRINTED.replace("\nvlr_number\t4915110000000", "").replace("\nsgsn_number\t79168960000", "")
    read = read_record(text, DIGITS)
    assert (read.vlr_number, read.sgsn_number) == ("", "")


def test_a_record_tells_nothing_where_it_is_logged() -> None:
    assert repr(read_record(PRINTED, DIGITS)) == "Record()"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("msisdn\t79161234567", "msisdn\t79161234568"),
        ("msisdn\t79161234567", "msisdn\t"),
        ("\nmsisdn\t79161234567", ""),
        ("\nimsi\t250010000000001", ""),
        ("imsi\t250010000000001", "imsi\t"),
        ("imsi\t250010000000001", "imsi\t25001000000000x"),
        ("imsi\t250010000000001", "imsi\t2500100000000011"),
        ("\nlmsi\t", "\nlmsi"),
        ("\nlmsi\t", "\nimsi\t250010000000002\nlmsi\t"),
        ("\nnam_cs\t1", ""),
        ("nam_cs\t1", "nam_cs\t2"),
        ("nam_ps\t0", "nam_ps\tfalse"),
        ("\nms_purged_cs\t1", ""),
        ("ms_purged_ps\t0", "ms_purged_ps\t"),
        ("vlr_number\t4915110000000", "vlr_number\t49151 1"),
        ("sgsn_number\t79168960000", "sgsn_number\t" + "7" * 129),
    ],
)
def test_a_record_with_anything_amiss_is_none(old: str, new: str) -> None:
    changed = PRINTED.replace(old, new)
    assert changed != PRINTED
    with pytest.raises(CtrlError):
        read_record(changed, DIGITS)


def test_nothing_is_no_record() -> None:
    with pytest.raises(CtrlError):
        read_record("", DIGITS)
