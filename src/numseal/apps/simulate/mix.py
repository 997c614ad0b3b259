"""The mix file: who verifies a number, what attackers try, how unreliable operators are. Read strictly.

Every table has the keys that `_TABLES` names, no more and no fewer. What the values mean stands in the packaged file.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

SHARE, SPAN, COUNT, WEIGHTS = "a share of 0 to 1", "two ascending numbers", "a number of 0 or more", "shares"

_SEGMENT = {"share": SHARE, "first_time": SHARE, "key_kept": SHARE}
SEGMENTS: Mapping[str, Mapping[str, str]] = {
    "stayed_home": {},
    "new_phone": {"changed_days": SPAN},
    "traveller": {"roaming_data": SHARE, "just_landed": SHARE, "landed_minutes": SPAN},
    "behind_sms_router": {"looks_absent": SHARE},
    "new_sim": {"phone_lost": SHARE, "changed_days": SPAN},
    "dual_sim": {"data_over_other_sim": SHARE},
    "new_customer": {"changed_days": SPAN},
    "ported": {"changed_days": SPAN},
    "prepaid_lapse": {"barred_days": SPAN, "paid_minutes_ago": SPAN},
    "recycled_owner": {"changed_days": SPAN},
}
"""The legitimate segments and the keys that each has besides the common ones."""

_THEFT = {"new_account": SHARE}
_TIMED = {"after_hours": SPAN, **_THEFT}
_RUN = {"numbers_at_once": COUNT, **_THEFT}
ATTACKS: Mapping[str, Mapping[str, str]] = {
    "sim_swap_at_once": _TIMED,
    "sim_swap_waited": _TIMED,
    "sim_swap_aged": _TIMED,
    "port_out_at_once": _TIMED,
    "port_out_waited": _TIMED,
    "recycled_takeover": _TIMED,
    "call_forwarding": _TIMED,
    "voicemail": _THEFT,
    "ss7_foreign_node": _TIMED,
    "ss7_home_node": _TIMED,
    "sms_off_takeover": _TIMED,
    "relayed_code": _THEFT,
    "handset_malware": {"proxied": SHARE, **_THEFT},
    "rented_sim": _THEFT,
    "sim_bank": {"sims_on_device": SPAN, **_RUN},
    "sim_farm_burst": {**_RUN, **_TIMED},
    "sim_farm_aged": _RUN,
    "pumper_incomplete": _RUN,
    "pumper_completes": _RUN,
    "voip_number": _THEFT,
    "landline_number": _THEFT,
    "premium_number": _THEFT,
    "unallocated_number": _THEFT,
    "other_operator_number": _THEFT,
    "shown_number_not_bound": {},
    "shown_number_of_other": {},
    "replayed_by_account": {},
    "replayed_at_messenger": {},
    "replayed_expired": {},
    "replayed_altered": {},
    "brute_force_parallel": {"guesses": COUNT},
    "brute_force_sessions": {"guesses": COUNT},
    "resend_flooding": {"sends": COUNT},
    "enumeration": {"numbers_at_once": COUNT},
}
"""The attacks of the table, and the keys that each has besides `per_10_000`."""

_TABLES: Mapping[str, Mapping[str, str]] = {
    "time": {"history_days": SPAN, "after_days": COUNT},
    "methods": dict.fromkeys(("SMS", "VOICE", "OPERATOR_CODE", "NETWORK"), SHARE),
    "client": dict.fromkeys(("mobile", "fixed", "hosting"), SHARE),
    "habits": dict.fromkeys(("wrong_code", "resend", "mobile_data", "gives_up_waiting"), SHARE),
    "noise": {
        **dict.fromkeys(
            ("missing_signals", "missing_as_error", "failed_lookups", "lost_messages", "no_receipt", "report_delayed"),
            SHARE,
        ),
        "report_delay_hours": SPAN,
        "clock_skew_seconds": COUNT,
    },
    "attack_counts": {"at_least": COUNT, "default_per_10_000": COUNT},
    "attackers": {
        "client": WEIGHTS,
        **dict.fromkeys(("method_network", "registration_lock", "waits", "victim_objects"), SHARE),
    },
}
_MESSENGER = dict.fromkeys(("share", "another_account_id", "registration_lock", "device_keys"), SHARE)
_ATTACKER_CLIENTS = ("mobile", "fixed_home", "fixed_abroad", "hosting")
_TOP = ("name", *_TABLES, "operators", "messengers", "segments", "attacks")
_PER = 10_000
_CLOSE = 1e-6
_PAIR = 2


class MixError(ValueError):
    """A mix file cannot be used; the message names the file, the key, what stands there and what is expected."""


@dataclass(frozen=True, slots=True)
class Section:
    """One table's values, checked against its keys."""

    values: Mapping[str, Any]

    def share(self, key: str) -> float:
        """Return a share or a count."""
        return float(self.values[key])

    def count(self, key: str) -> int:
        """Return a count as a whole number."""
        return int(self.values[key])

    def span(self, key: str) -> tuple[float, float]:
        """Return the two ends of a span."""
        low, high = self.values[key]
        return float(low), float(high)

    def weights(self, key: str) -> Mapping[str, float]:
        """Return a table of shares."""
        return {name: float(value) for name, value in self.values[key].items()}


@dataclass(frozen=True, slots=True)
class Mix:
    """A whole mix. `tables` are those that stand once; the others are by name."""

    name: str
    tables: Mapping[str, Section]
    operators: Mapping[str, float]
    messengers: Mapping[str, Section]
    segments: Mapping[str, Section]
    attacks: Mapping[str, Section]

    def __getitem__(self, table: str) -> Section:
        """Return the table of that name."""
        return self.tables[table]

    def attempts(self, attack: str, subscribers: int) -> int:
        """Return how often an attack is tried among so many subscribers; 0 where the mix leaves it out."""
        if attack not in self.attacks:
            return 0
        counts = self["attack_counts"]
        share = self.attacks[attack].values.get("per_10_000", counts.values["default_per_10_000"])
        return max(counts.count("at_least"), round(float(share) * subscribers / _PER))


def load_mix(path: Path | None) -> Mix:
    """Read a mix file, the packaged one for None; raises MixError."""
    name = str(path or "mix.toml")
    try:
        if path is None:
            text = resources.files("numseal.apps").joinpath("data", "mix.toml").read_text(encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise MixError(f"{name}: {error.strerror}; expected a mix file") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MixError(f"{name}: not TOML: {error}") from None
    return _Reader(name).read(document)


class _Reader:
    """Checks one file's document."""

    def __init__(self, file: str) -> None:
        self._file = file

    def read(self, document: dict[str, Any]) -> Mix:
        self._keys("", document, _TOP)
        name = document["name"]
        if not isinstance(name, str) or not name:
            raise self._error("name", name, "a text")
        tables = {table: self._section(table, document[table], keys) for table, keys in _TABLES.items()}
        for table in ("methods", "client"):
            self._whole(table, tables[table].values)
        operators = self._weights("operators", document["operators"])
        messengers = self._group("messengers", document["messengers"], {}, _MESSENGER)
        self._keys("messengers", messengers, ("alpha", "beta"))
        segments = self._group("segments", document["segments"], SEGMENTS, _SEGMENT)
        for group, sections in (("messengers", messengers), ("segments", segments)):
            self._whole(group, {key: section.values["share"] for key, section in sections.items()})
        attacks = self._group("attacks", document["attacks"], ATTACKS, {})
        return Mix(name, tables, operators, messengers, segments, attacks)

    def _group(
        self, name: str, value: Any, known: Mapping[str, Mapping[str, str]], common: Mapping[str, str]
    ) -> dict[str, Section]:
        found = self._table(name, value)
        sections = {}
        for key, item in found.items():
            if known and key not in known:
                raise self._error(f"{name}.{key}", "a table", f"one of {', '.join(known)}")
            optional = ("per_10_000",) if name == "attacks" else ()
            sections[key] = self._section(f"{name}.{key}", item, {**common, **known.get(key, {})}, optional)
        return sections

    def _section(self, name: str, value: Any, keys: Mapping[str, str], optional: tuple[str, ...] = ()) -> Section:
        found = self._table(name, value)
        self._keys(name, found, tuple(keys), optional)
        for key, item in found.items():
            self._value(f"{name}.{key}", item, keys.get(key, COUNT))
        return Section(found)

    def _value(self, name: str, value: Any, kind: str) -> None:
        if kind == WEIGHTS:
            self._keys(name, self._table(name, value), _ATTACKER_CLIENTS)
            self._weights(name, value)
        elif kind == SPAN:
            good = isinstance(value, list) and len(value) == _PAIR and all(map(_is_number, value))
            if not good or not 0 <= value[0] <= value[1]:
                raise self._error(name, value, kind)
        elif not _is_number(value) or value < 0 or (kind == SHARE and value > 1):
            raise self._error(name, value, kind)

    def _weights(self, name: str, value: Any) -> dict[str, float]:
        found = self._table(name, value)
        for key, item in found.items():
            self._value(f"{name}.{key}", item, SHARE)
        self._whole(name, found)
        return {key: float(item) for key, item in found.items()}

    def _whole(self, name: str, shares: Mapping[str, Any]) -> None:
        if abs(sum(shares.values()) - 1) > _CLOSE:
            raise self._error(name, f"shares that add up to {sum(shares.values()):g}", "shares that add up to 1")

    def _table(self, name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._error(name, value, "a table")
        return value

    def _keys(self, name: str, found: Mapping[str, Any], keys: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        at = f"{name}." if name else ""
        for key in found:
            if key not in keys and key not in optional:
                raise self._error(at + key, found[key], f"one of {', '.join((*keys, *optional))}")
        for key in keys:
            if key not in found:
                raise self._error(at + key, "nothing", "a value")

    def _error(self, key: str, found: object, expected: str) -> MixError:
        shown = found if isinstance(found, str) else repr(found)
        return MixError(f"{self._file}: {key}: found {shown[:80]}, expected {expected}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
