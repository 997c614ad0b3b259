"""What is the operator's own: its subscribers, its SMSC, and the key that its references are hashed under.

Replace it all. Here the subscribers are a JSON file and the handsets are files too, so that the kit can look at them.
"""

import hmac
import json
import os
import secrets

from google.protobuf.timestamp_pb2 import Timestamp

from numseal.api.operator.v1 import event_pb2 as e
from numseal.api.operator.v1 import subscriber_pb2 as s

KEY_EPOCH = "1"  # another key has another epoch


def kept_key(path):
    """Read the key, made at the first start: under another one every subscriber and SIM would seem to have changed."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()


class Records:
    """Your HLR and CRM stand here; this one reads a JSON file. `time` is when the CRM was last written."""

    def __init__(self, path):
        self._path, self._key = path, kept_key(path.with_name("reference.key"))
        self.read()

    def read(self):
        self.time, self._all = int(self._path.stat().st_mtime), json.loads(self._path.read_text())

    def find(self, number):
        return self._all.get(number)

    def nobody(self, number):
        """Return the outcome of a number that has no subscriber."""
        return "not_assigned" if number.startswith("+7916") else "not_served"

    def reference(self, kind, secret):
        """Hash what must not leave you."""
        return {"reference": hmac.digest(self._key, f"{kind}/{secret}".encode(), "sha256"), "key_epoch": KEY_EPOCH}

    def subscriber(self, number, found):
        """Return the reference of who has the number: another one where it is given out anew."""
        return s.Reference(**self.reference("subscriber", f"{number}/{found['since']}"))


class Handsets:
    """Your SMSC stands here; this one writes what a number receives into a file."""

    def __init__(self, directory):
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def deliver(self, number, text):
        with (self._directory / f"{number}.txt").open("a", encoding="utf-8") as file:
            file.write(text + "\n")


def signals(records, number, found, since):
    """Yield every signal you know: its name, who says so, and its fields."""
    yield "subscriber_ref", "crm", {"value": records.subscriber(number, found)}
    sim = s.SimRef(**records.reference("imsi", found["imsi"]), basis=s.REFERENCE_BASIS_DIRECT)
    yield "sim_ref", "hlr", {"value": sim}
    yield "line_type", "crm", {"value": s.LineType.Value(f"LINE_TYPE_{found['line']}")}
    yield "sms_service", "hlr", {"value": s.ServiceState.Value(f"SERVICE_STATE_{found['sms']}")}
    yield "reachability", "hlr", {"value": s.REACHABILITY_NOT_REACHABLE if "off" in found else s.REACHABILITY_REACHABLE}
    yield "recycled", "crm", {"value": found["since"] > since.seconds, "since_time": since}
    swapped = Timestamp(seconds=found.get("swapped", 0))
    change = s.SimChange(change_time=swapped, kind=s.SIM_CHANGE_KIND_REPLACED)
    yield "sim_change", "crm", {"value": change} if "swapped" in found else {}


SOURCES = {"subscriber_ref": "crm", "sim_ref": "hlr", "line_type": "crm", "sms_service": "hlr", "reachability": "hlr"}
SOURCES |= {"recycled": "crm", "sim_change": "crm"}
BASES = {"sim_ref": s.REFERENCE_BASIS_DIRECT}
WATCHED = (e.EVENT_KIND_SIM_CHANGE, e.EVENT_KIND_PORT_OUT, e.EVENT_KIND_TERMINATED, e.EVENT_KIND_REASSIGNED)


def what_happened(records, number, found, was):
    """Return kind and field of what happened to a subscriber, by the record that he had; (0, {}) for nothing."""
    if found is None:
        return e.EVENT_KIND_TERMINATED, {"terminated": e.TerminatedEvent()}
    if "ported_to" in found:
        return e.EVENT_KIND_PORT_OUT, {"port_out": e.PortOutEvent(to_operator_id=found["ported_to"])}
    if found["since"] != was["since"]:
        owner = e.ReassignedEvent(subscriber_ref=records.subscriber(number, found))
        return e.EVENT_KIND_REASSIGNED, {"reassigned": owner}
    if found["imsi"] != was["imsi"]:
        return e.EVENT_KIND_SIM_CHANGE, {"sim_change": e.SimChangeEvent(kind=s.SIM_CHANGE_KIND_REPLACED)}
    return 0, {}
