"""What may be wrong with what a backend says of itself."""

from types import ModuleType
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from fakes.breaks.numbers import HOUR
from fakes.breaks.registry import after, module
from numseal.api.operator.v1 import operator_pb2 as o


@after("GetCapabilities", "capabilities.version")
def speaks_another_version(_backend: Any, _request: Any, answer: Any) -> None:
    answer.contract_version = "0.9"


@after("GetCapabilities", "capabilities.operator")
def has_a_display_name_for_an_id(_backend: Any, _request: Any, answer: Any) -> None:
    answer.operator_id = "Example Operator"


@after("GetCapabilities", "capabilities.operator")
def writes_networks_without_a_dash(_backend: Any, _request: Any, answer: Any) -> None:
    answer.plmns[0] = "25001"


@after("GetCapabilities", "capabilities.signals")
def announces_a_signal_twice(_backend: Any, _request: Any, answer: Any) -> None:
    answer.signals.append(answer.signals[0])


@after("GetCapabilities", "capabilities.methods")
def announces_a_method_twice(_backend: Any, _request: Any, answer: Any) -> None:
    answer.methods.append(answer.methods[0])


@after("GetCapabilities", "capabilities.idempotency")
def remembers_for_a_minute(_backend: Any, _request: Any, answer: Any) -> None:
    answer.idempotency_window.seconds = 60


@after("GetCapabilities", "capabilities.events")
def keeps_no_events(_backend: Any, _request: Any, answer: Any) -> None:
    answer.ClearField("event_retention")


@after("GetCapabilities", "capabilities.rates")
def accepts_no_calls(_backend: Any, _request: Any, answer: Any) -> None:
    answer.rates[0].per_second = 0


@after("GetCapabilities", "capabilities.prices")
def pays_for_lookups(_backend: Any, _request: Any, answer: Any) -> None:
    answer.prices.add(operation=o.OPERATION_LOOK_UP_SUBSCRIBER, price_micros=-1, currency_code="roubles")


@after("GetCapabilities", "capabilities.stable")
def changes_its_mind(backend: Any, _request: Any, answer: Any) -> None:
    backend.asked = getattr(backend, "asked", 0) + 1
    answer.max_watches = backend.asked


@module("capabilities.clock")
def is_an_hour_ahead(template: ModuleType) -> None:
    def now() -> Timestamp:
        time = Timestamp()
        time.GetCurrentTime()
        time.seconds += HOUR
        return time

    template.__dict__["now"] = now


@after("GetCapabilities", *(f"capabilities.{name}" for name in ("signals", "methods", "events", "rates", "prices")))
def announces_what_nobody_knows(_backend: Any, _request: Any, answer: Any) -> None:
    answer.signals.add(signal=99, source="x" * 65).retention.seconds = -1
    answer.methods.add(method=99, max_text_length=-1)
    for _ in range(2):
        answer.events.add(kind=99)
        answer.rates.add(operation=99, per_second=1)
    answer.max_watches = -1
    answer.prices.add(operation=99, currency_code="RUB")


@after("GetCapabilities", "capabilities.operator")
def has_no_network(_backend: Any, _request: Any, answer: Any) -> None:
    answer.ClearField("plmns")


@after("GetCapabilities", "capabilities.operator")
def has_one_network_twice(_backend: Any, _request: Any, answer: Any) -> None:
    answer.plmns.append(answer.plmns[0])
