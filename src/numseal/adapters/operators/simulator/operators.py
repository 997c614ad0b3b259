"""The simulated operators: who they are and how each differs in what it can tell and do. Data only.

Networks' codes are public facts (ITU-T E.212 assignments); what each operator supports is made up, so that
every kind of answer occurs.
"""

from dataclasses import dataclass
from importlib import resources

from numseal.domain.evidence import LineType
from numseal.domain.number_plan import NumberPlan, OperatorInfo, parse_plan
from numseal.domain.operator import EventKind
from numseal.domain.plmn import Plmn

RECORDS_START = 1_262_304_000
"""2010-01-01: no simulated contract is older."""

MOBILE_ONLY = frozenset(
    {
        "sim_ref",
        "device_ref",
        "sim_change",
        "sms_service",
        "data_service",
        "reachability",
        "last_seen",
        "serving",
        "sims_on_device",
    }
)
"""Signals that a fixed network has no source for."""

MOBILE_EVENTS = tuple(kind for kind in EventKind if kind is not EventKind.HEARTBEAT)
FIXED_EVENTS = tuple(kind for kind in MOBILE_EVENTS if kind not in {EventKind.SIM_CHANGE, EventKind.DEVICE_CHANGE})


@dataclass(frozen=True, slots=True)
class OperatorProfile:
    """One operator's ways.

    `records_since` is where its history begins (Unix seconds). `prior_codes_valid` is False where a code the
    operator makes kills the number's earlier ones. `code_attempts` is per code. `events` are the kinds it sends, none
    where its numbers can only be asked about. `recognizes_sims` tells whether it does network checks.
    """

    info: OperatorInfo
    example: str
    line_type: LineType = LineType.MOBILE
    records_since: int = RECORDS_START
    unsupported: frozenset[str] = frozenset()
    prior_codes_valid: bool = True
    code_attempts: int = 5
    events: tuple[EventKind, ...] = MOBILE_EVENTS
    recognizes_sims: bool = True


def _mobile(operator_id: str, name: str, plmn: str, country: str) -> OperatorInfo:
    return OperatorInfo(operator_id, name, (Plmn.parse(plmn),), country)


OPERATORS: tuple[OperatorProfile, ...] = (
    OperatorProfile(
        _mobile("beeline", "Beeline (VimpelCom)", "250-99", "RU"),
        example="+79031234568",
        unsupported=frozenset({"sims_on_device"}),
        prior_codes_valid=False,
        code_attempts=3,
    ),
    OperatorProfile(
        _mobile("kcell", "Kcell", "401-02", "KZ"),
        example="+77011234568",
        unsupported=frozenset({"device_ref", "recycled", "sims_on_device"}),
        code_attempts=3,
        events=(),
    ),
    OperatorProfile(_mobile("megafon", "MegaFon", "250-02", "RU"), example="+79261234567", prior_codes_valid=False),
    OperatorProfile(_mobile("mts", "MTS", "250-01", "RU"), example="+79161234567"),
    OperatorProfile(
        OperatorInfo("rostelecom-fixed", "Rostelecom (landlines)", (), "RU"),
        example="+74951234567",
        line_type=LineType.FIXED,
        unsupported=MOBILE_ONLY,
        events=FIXED_EVENTS,
        recognizes_sims=False,
    ),
    OperatorProfile(
        _mobile("t2", "T2 (Rostelecom)", "250-20", "RU"),
        example="+79041234570",
        records_since=1_420_070_400,  # 2015-01-01
        unsupported=frozenset({"sims_on_device", "last_seen"}),
        code_attempts=4,
        recognizes_sims=False,
    ),
    OperatorProfile(
        _mobile("telekom-de", "Telekom Deutschland", "262-01", "DE"),
        example="+491711234572",
        unsupported=frozenset({"identity_on_file", "sims_on_device"}),
    ),
)
"""All simulated operators, by `operator_id`."""

UNASSIGNED = "000"
"""Numbers with these three digits after the prefix of their range are given to nobody."""


def load_plan() -> NumberPlan:
    """Read the packaged number plan."""
    return parse_plan(resources.files(__package__).joinpath("plan.csv").read_text(encoding="utf-8"))
