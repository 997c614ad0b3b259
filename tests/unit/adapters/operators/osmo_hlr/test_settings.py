"""Settings name what is wrong with them."""

from typing import Any

import pytest

from numseal.adapters.operators.osmo_hlr.settings import Settings


def test_only_the_host_is_needed() -> None:
    settings = Settings("127.0.0.1")
    assert (settings.port, settings.connections, settings.node_networks, settings.own_prefixes) == (4_259, 2, {}, ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", ""),
        ("host", "a\nb"),
        ("port", 0),
        ("port", 65_536),
        ("port", True),
        ("connections", 0),
        ("connections", 17),
        ("in_flight", 0),
        ("in_flight", 1_001),
        ("waiting", -1),
        ("connect_timeout", 0),
        ("answer_timeout", 61),
        ("answer_timeout", float("nan")),
        ("answer_timeout", "1"),
        ("least_backoff", 0.001),
        ("least_backoff", 3.0),
        ("most_backoff", 601),
        ("node_networks", {"7916": "25001"}),
        ("node_networks", {"+7916": "250-01"}),
        ("node_networks", {"": "250-01"}),
        ("node_networks", {7: "250-01"}),
        ("node_networks", [("7916", "250-01")]),
        ("own_prefixes", ("7916",)),
        ("own_prefixes", "+7916"),
        ("own_prefixes", ("+",)),
        ("handsets_only", 1),
        ("key_epoch", ""),
        ("key_epoch", "x" * 65),
    ],
)
def test_a_value_that_cannot_be_is_named(name: str, value: Any) -> None:
    values: dict[str, Any] = {"host": "127.0.0.1", name: value}
    with pytest.raises(ValueError, match=f"^{name}: found .*, expected "):
        Settings(**values)
