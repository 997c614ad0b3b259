"""The numbers of SMPP 3.4 that this ESME speaks: commands, statuses, tags, values of fields. Constants only."""

from enum import IntEnum

INTERFACE_VERSION = 0x34
"""SMPP 3.4 (§5.2.4)."""

RESPONSE = 0x8000_0000
"""The bit that tells a response from its request (§5.1.2)."""


class Command(IntEnum):
    """`command_id` (§5.1.2.1)."""

    GENERIC_NACK = 0x8000_0000
    SUBMIT_SM = 0x0000_0004
    SUBMIT_SM_RESP = 0x8000_0004
    DELIVER_SM = 0x0000_0005
    DELIVER_SM_RESP = 0x8000_0005
    UNBIND = 0x0000_0006
    UNBIND_RESP = 0x8000_0006
    BIND_TRANSCEIVER = 0x0000_0009
    BIND_TRANSCEIVER_RESP = 0x8000_0009
    ENQUIRE_LINK = 0x0000_0015
    ENQUIRE_LINK_RESP = 0x8000_0015
    ALERT_NOTIFICATION = 0x0000_0102
    DATA_SM = 0x0000_0103
    DATA_SM_RESP = 0x8000_0103


class Status(IntEnum):
    """`command_status` (§5.1.3), those that are told apart here or in `statuses`."""

    ROK = 0x00
    RINVMSGLEN = 0x01
    RINVCMDLEN = 0x02
    RINVCMDID = 0x03
    RINVBNDSTS = 0x04
    RALYBND = 0x05
    RSYSERR = 0x08
    RINVSRCADR = 0x0A
    RINVDSTADR = 0x0B
    RBINDFAIL = 0x0D
    RINVPASWD = 0x0E
    RINVSYSID = 0x0F
    RMSGQFUL = 0x14
    RINVESMCLASS = 0x43
    RSUBMITFAIL = 0x45
    RINVSRCTON = 0x48
    RINVSRCNPI = 0x49
    RINVSYSTYP = 0x53
    RTHROTTLED = 0x58
    RX_T_APPN = 0x64
    RX_P_APPN = 0x65
    RX_R_APPN = 0x66
    RDELIVERYFAILURE = 0xFE
    RUNKNOWNERR = 0xFF


class Tag(IntEnum):
    """Tags of optional parameters (§5.3.2)."""

    RECEIPTED_MESSAGE_ID = 0x001E
    SC_INTERFACE_VERSION = 0x0210
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


UDHI = 0x40
"""`esm_class`: the text begins with a user data header (§5.2.12)."""

MESSAGE_TYPE = 0x3C
"""`esm_class`: the bits that say what a message is (§5.2.12)."""

RECEIPT = 0x04
"""`esm_class`, within MESSAGE_TYPE: an SMSC delivery receipt."""

INTERMEDIATE = 0x20
"""`esm_class`, within MESSAGE_TYPE: an intermediate notification."""

DEFAULT_ALPHABET = 0x00
"""`data_coding` (§5.2.19): the SMSC's default alphabet, GSM 03.38 with one septet an octet."""

UCS2 = 0x08
"""`data_coding` (§5.2.19): UCS-2, big-endian."""

FINAL_RECEIPT = 0x01
"""`registered_delivery` (§5.2.17): a receipt is wanted whether the message arrives or not."""
