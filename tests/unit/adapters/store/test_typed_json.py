from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, IntEnum
from typing import Any, Generic, TypeVar, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.evidence import answer
from fakes.store_rows import binding, verification
from numseal.adapters.store.typed_json import TypedJson
from numseal.domain.binding import Binding
from numseal.domain.evidence import Lookup, Meta, Signal, Subscriber
from numseal.domain.verification import Verification

T = TypeVar("T")


class Grade(IntEnum):
    ONE = 1


@dataclass(frozen=True)
class Box(Generic[T]):
    meta: Meta
    value: T | None = None


@dataclass(frozen=True)
class Sample:
    text: str
    grade: Grade
    boxes: tuple[Box[bytes], ...]
    box: Box[tuple[int, ...]]
    flag: bool = False
    raw: bytes = b""


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Build values of a stored class from its hints; signals get any value that the class's own hint allows."""
    parts: dict[str, st.SearchStrategy[Any]] = {}
    for item in fields(kind):
        hint = get_type_hints(kind)[item.name]
        inner: tuple[Any, ...] = getattr(hint, "__args__", ())
        if getattr(hint, "__origin__", None) is Signal:
            parts[item.name] = st.builds(Signal, of(Meta), st.none() | _value(inner[0]))
        elif inner and type(None) in inner:
            parts[item.name] = st.none() | _value(inner[0])
        else:
            parts[item.name] = _value(hint)
    return st.builds(kind, **parts)


def _value(hint: Any) -> st.SearchStrategy[Any]:
    if getattr(hint, "__origin__", None) is tuple:
        return st.lists(_value(hint.__args__[0]), max_size=3).map(tuple)
    if is_dataclass(hint):
        return of(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if hint is int:
        return st.integers(-(2**63), 2**63 - 1)
    return st.text() if hint is str else st.from_type(hint)


VERIFICATION = TypedJson(Verification, shared=(Meta,))
BINDING = TypedJson(Binding)
LOOKUP = TypedJson(Lookup, shared=(Meta,))
SAMPLE = TypedJson(Sample, shared=(Meta,))


@given(of(Verification))
def test_any_verification_is_read_as_it_was_written(value: Verification) -> None:
    raw = VERIFICATION.dumps(value)
    assert VERIFICATION.loads(raw) == value
    assert b"\n" not in raw


@given(of(Binding))
def test_any_binding_is_read_as_it_was_written(value: Binding) -> None:
    assert BINDING.loads(BINDING.dumps(value)) == value


@given(of(Lookup))
def test_any_lookup_is_read_as_it_was_written(value: Lookup) -> None:
    assert LOOKUP.loads(LOOKUP.dumps(value)) == value


def test_generic_classes_are_read_by_their_arguments() -> None:
    one, two = Meta(source="a"), Meta(source="b")
    sample = Sample("x", Grade.ONE, (Box(one, b"\x00\xff"), Box(two), Box(one, b"")), Box(one, (1, 2)), flag=True)
    read = SAMPLE.loads(SAMPLE.dumps(sample))
    assert read == sample
    assert isinstance(read.grade, Grade)
    assert isinstance(read.box.value, tuple)


def test_shared_parts_are_written_once() -> None:
    raw = LOOKUP.dumps(answer())
    assert raw.count(b"observe_time") == 1
    read = LOOKUP.loads(raw)
    assert read == answer()
    assert isinstance(read.subscriber, Subscriber)
    assert read.subscriber.sim_ref.meta is read.subscriber.port.meta


def test_fields_apart_are_left_out_and_given_back() -> None:
    form = TypedJson(Verification, apart=frozenset({"opening", "before"}))
    value = verification(1)
    raw = form.dumps(value)
    assert b"acme" not in raw
    assert form.loads(raw, opening=value.opening, before=value.before) == value


def test_a_field_that_a_class_gained_gets_its_default() -> None:
    raw = BINDING.dumps(binding(1))
    assert b"end_reason" not in raw
    assert BINDING.loads(raw).end_reason == ""


@pytest.mark.parametrize("hint", ["dict[str, int]", "float", "tuple[int, str]", "int | str"])
def test_types_that_are_not_supported_are_told_at_once(hint: str) -> None:
    kind: type[Any] = dataclass(type("Odd", (), {"__annotations__": {"odd": hint}}))
    with pytest.raises(TypeError, match="cannot be kept as typed JSON"):
        TypedJson(kind)
