from typing import Any

import pytest

from fakes.evidence import DAY, NOW, SIM, answer, known
from numseal.apps.explain.words import describe, moment, span, state_of
from numseal.domain.evidence import (
    Basis,
    DeviceRef,
    Forwarding,
    ForwardingKind,
    Meta,
    Method,
    Port,
    Possession,
    Serving,
    ServingDomain,
    Signal,
    SignalState,
    SimChange,
    SimChangeKind,
    SimRef,
)
from numseal.domain.verdict import Level

STAMP = "2025-06-15T15:06:40Z"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_661, "1 h 1 min"), (DAY + 1, "1 d 1 s"), (-120, "2 min")],
)
def test_spans(seconds: int, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (NOW, STAMP),
        (NOW - 60, "2025-06-15T15:05:40Z (1 min before)"),
        (NOW + 60, "2025-06-15T15:07:40Z (1 min later)"),
        (2**62, f"Unix time {2**62} ({span(2**62 - NOW)} later)"),
    ],
)
def test_moments(time: int, words: str) -> None:
    assert moment(time, NOW) == words


@pytest.mark.parametrize(
    ("value", "name", "words"),
    [
        (None, "", "none"),
        ("", "", "none"),
        ("mts", "", "mts"),
        (True, "recycled", "yes"),
        (False, "", "no"),
        (3, "sims_on_device", "3"),
        (NOW, "activate_time", STAMP),
        (NOW, "last_seen", STAMP),
        (Level.HIGH, "level", "HIGH"),
        (Method.SMS, "", "SMS"),
        ((), "", "none"),
        (("250-01", "250-02"), "", "250-01; 250-02"),
        (SIM, "", "55555555… (epoch 1, DIRECT)"),
        (SimRef("5" * 8, "1", Basis.HOME_ROUTED), "", "55555555 (epoch 1, HOME_ROUTED)"),
        (DeviceRef("d" * 9, "1", "35123456"), "", "dddddddd… (epoch 1, TAC 35123456)"),
        (DeviceRef("d", "1", ""), "", "d (epoch 1)"),
        (SimChange(NOW, SimChangeKind.ESIM), "", f"ESIM, {STAMP}"),
        (Port(NOW, "beeline"), "", f"from beeline, {STAMP}"),
        (Port(NOW, ""), "", f"from an operator not named, {STAMP}"),
        (Forwarding(ForwardingKind.BUSY, active=True), "", "BUSY on"),
        (
            Serving("", "e", ServingDomain.IMS, Basis.DIRECT, NOW, "1"),
            "",
            f"IMS at a network not named, DIRECT, registered {STAMP}",
        ),
        (
            Serving("262-01", "", ServingDomain.CS, Basis.DIRECT, 0, ""),
            "",
            "CS at 262-01, DIRECT, registered at a time not told",
        ),
        (answer(), "", f"SUBSCRIBER from mts, {STAMP}"),
        (
            Possession(Method.SMS, NOW, NOW),
            "",
            f"method SMS, sent_time {STAMP}, shown_time {STAMP}, delivery none",
        ),
        (known(True), "recycled", "yes"),
        (known(None), "port", "none"),
        (Signal(Meta(SignalState.STALE), True), "", "yes (STALE)"),
        (Signal(Meta(SignalState.ERROR)), "", "ERROR"),
    ],
)
def test_values(value: Any, name: str, words: str) -> None:
    assert describe(value, NOW, name) == words


def test_age_and_source() -> None:
    assert state_of(Meta(SignalState.OK, NOW - 60, source="HLR", code_space="map", code="27"), NOW) == (
        "1 min",
        "HLR (map 27)",
    )
    assert state_of(Meta(), NOW) == ("", "")
