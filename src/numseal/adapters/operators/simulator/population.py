"""Draws the subscriber behind an untouched number from the seed. Pure: same seed and number, same person.

All drawn times lie before 2023, and none depends on the present, so a restart changes nobody's history. An
untouched mobile number is always reachable and takes codes; what hinders is made by changes.
"""

import struct
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from numseal.adapters.operators.simulator.operators import RECORDS_START, UNASSIGNED, OperatorProfile
from numseal.domain.evidence import (
    ContractType,
    ForwardingKind,
    LineType,
    Port,
    ServiceState,
    SimChange,
    SimChangeKind,
)
from numseal.domain.simulation import SimulatedSubscriber, SubscriptionState

DRAWN_END = 1_672_531_200
"""2023-01-01: the last moment of a drawn history."""

TACS = ("35325911", "35407115", "35684610", "35893208", "86094704", "86239305", "86756404", "35102420")
"""Type allocation codes, eight digits (TS 23.003 §6.2.1), in the form of those of phones on the market."""

_LATEST_START = RECORDS_START + 4_500 * 86_400
_WORDS = struct.Struct(">16H")
_NOT_FORWARDED: frozenset[ForwardingKind] = frozenset()
_VOICEMAIL = frozenset({ForwardingKind.NOT_REACHABLE})
_PERCENT = 100
_PORTED_SHARE = 3
_PREPAID_SHARE, _PRIVATE_SHARE = 55, 95
_IDENTIFIED_SHARE = 97
_FIRST_SIM_SHARE, _PLASTIC_SHARE = 60, 90
_VOICEMAIL_SHARE = 25
_HOME_ROUTED_SHARE = 2
_ROAMING_SHARE = 1
_DUAL_SIM_SHARE = 15


class Population:
    """Draws subscribers; holds no state but the seed's key and the operators."""

    def __init__(self, seed: int, profiles: Mapping[str, OperatorProfile]) -> None:
        """Take the seed (any integer) and the operators by id."""
        self._key = blake2b(str(seed).encode(), person=b"population").digest()
        self._profiles = profiles
        self._home = {
            name: str(profile.info.plmns[0]) if profile.info.plmns else "" for name, profile in profiles.items()
        }
        self._rivals = {name: _rivals(profile, profiles) for name, profile in profiles.items()}
        self._abroad = {name: _abroad(profile, profiles) for name, profile in profiles.items()}

    def draw(self, msisdn: str, prefix: str, range_owner: str) -> SimulatedSubscriber:
        """Return the untouched subscriber of a number in `range_owner`'s range with `prefix`."""
        words = _WORDS.unpack(blake2b(msisdn.encode(), key=self._key, digest_size=32).digest())
        start = RECORDS_START + (words[4] << 16 | words[5]) % (_LATEST_START - RECORDS_START)
        rivals = self._rivals[range_owner]
        ported = bool(rivals) and words[0] % _PERCENT < _PORTED_SHARE
        operator_id = rivals[words[1] % len(rivals)] if ported else range_owner
        profile = self._profiles[operator_id]
        mobile = profile.line_type is LineType.MOBILE
        service = ServiceState.ON if mobile else ServiceState.OFF
        plmn = self._home[operator_id]
        return SimulatedSubscriber(
            msisdn=msisdn,
            state=_state(msisdn, prefix),
            operator_id=operator_id,
            plmn=plmn,
            line_type=profile.line_type,
            contract_type=_contract_type(words[2] % _PERCENT),
            identity_on_file=words[3] % _PERCENT < _IDENTIFIED_SHARE,
            activate_time=start,
            tac=TACS[words[8] % len(TACS)],
            serving_plmn=self._abroad[range_owner] if words[11] % _PERCENT < _ROAMING_SHARE else plmn,
            sim_change=_sim_change(start, words[6], words[7], ported=ported) if mobile else None,
            port=Port(_later(start, words[6]), range_owner) if ported else None,
            forwarding=_VOICEMAIL if words[9] % _PERCENT < _VOICEMAIL_SHARE else _NOT_FORWARDED,
            sms_service=service,
            data_service=service,
            home_routed=words[10] % _PERCENT < _HOME_ROUTED_SHARE,
            sims_on_device=2 if words[12] % _PERCENT < _DUAL_SIM_SHARE else 1,
        )

    def device(self, msisdn: str, generation: int) -> str:
        """Return the TAC of a later device of the number."""
        return TACS[blake2b(f"{msisdn}/{generation}".encode(), key=self._key).digest()[0] % len(TACS)]


def _rivals(profile: OperatorProfile, profiles: Mapping[str, OperatorProfile]) -> Sequence[str]:
    """Return the operators a number can be ported to: of the same country and kind."""
    return [
        name
        for name, other in profiles.items()
        if other is not profile and other.info.country == profile.info.country and other.line_type is profile.line_type
    ]


def _abroad(profile: OperatorProfile, profiles: Mapping[str, OperatorProfile]) -> str:
    """Return a network of another country; the first home network where there is none."""
    foreign = [other for other in profiles.values() if other.info.country != profile.info.country]
    networks = [plmn for other in (*foreign, profile) for plmn in other.info.plmns]
    return str(networks[0]) if networks else ""


def _state(msisdn: str, prefix: str) -> SubscriptionState:
    if msisdn.startswith(UNASSIGNED, len(prefix)):
        return SubscriptionState.NOT_ASSIGNED
    return SubscriptionState.ACTIVE


def _contract_type(percent: int) -> ContractType:
    if percent < _PREPAID_SHARE:
        return ContractType.PREPAID
    return ContractType.POSTPAID if percent < _PRIVATE_SHARE else ContractType.CORPORATE


def _later(start: int, word: int) -> int:
    return start + (DRAWN_END - start) * word // 65_536


def _sim_change(start: int, when: int, kind: int, *, ported: bool) -> SimChange:
    if ported:
        return SimChange(_later(start, when), SimChangeKind.PORT_IN)
    percent = kind % _PERCENT
    if percent < _FIRST_SIM_SHARE:
        return SimChange(start, SimChangeKind.NEW)
    return SimChange(_later(start, when), SimChangeKind.REPLACED if percent < _PLASTIC_SHARE else SimChangeKind.ESIM)
