"""Reading a subscriber's signals by their kinds: the one place that knows how kind and field go together."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from numseal.api.operator.v1 import subscriber_pb2

KINDS: dict[int, str] = {
    kind: name.removeprefix("SIGNAL_KIND_").lower() for name, kind in subscriber_pb2.SignalKind.items() if kind
}
"""The field of Subscriber that each kind is told in."""

OK = subscriber_pb2.SIGNAL_STATE_OK
STALE = subscriber_pb2.SIGNAL_STATE_STALE
NOT_SUPPORTED = subscriber_pb2.SIGNAL_STATE_NOT_SUPPORTED

MAY_HAVE_NONE = frozenset({"sim_change", "port", "forwarding", "serving"})
"""Signals whose state may be OK without a value: there was none."""


def present(subscriber: subscriber_pb2.Subscriber) -> Iterator[tuple[str, Any]]:
    """Yield the signals that are there, with their names."""
    for field, signal in subscriber.ListFields():
        yield field.name, signal


def has_value(signal: Any) -> bool:
    """Whether a signal has a value, or any of several."""
    fields = signal.DESCRIPTOR.fields_by_name
    return bool(signal.values) if "values" in fields else bool(signal.HasField("value"))


def is_told(signal: Any) -> bool:
    """Whether a signal says anything but that it is not supported."""
    return signal.meta.state != NOT_SUPPORTED or has_value(signal)


def times(name: str, signal: Any) -> Iterator[tuple[str, Timestamp]]:
    """Yield every time in a signal that cannot be to come, with its name."""
    for field in ("observe_time", "coverage_start_time"):
        if signal.meta.HasField(field):
            yield f"{name}.meta.{field}", getattr(signal.meta, field)
    values = signal.values if "values" in signal.DESCRIPTOR.fields_by_name else [signal.value]
    for value in values if has_value(signal) else []:
        if isinstance(value, Timestamp):
            yield f"{name}.value", value
        for field in ("change_time", "port_time", "update_time"):
            if field in getattr(getattr(value, "DESCRIPTOR", None), "fields_by_name", ()) and value.HasField(field):
                yield f"{name}.{field}", getattr(value, field)
