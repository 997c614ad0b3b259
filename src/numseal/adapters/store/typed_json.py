"""Frozen dataclasses as JSON and back, by their type hints, which are resolved once for each class.

Fields are named, so that a class may gain fields that have defaults; a field that *is* its default is left out. Classes
marked as shared are written once a document and pointed at. Only what the stored classes use is supported: str, int,
bool, bytes (hex), enums, tuples of one type, None, and dataclasses, generic ones included.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar

import orjson

T = TypeVar("T")
Convert = Callable[[Any, list[Any]], Any]
_Pair = tuple[Convert | None, Convert | None]
_MISSING = object()


class TypedJson(Generic[T]):
    """One class's converters. `apart` names fields that are kept elsewhere, `shared` classes written once."""

    __slots__ = ("_decode", "_encode")

    def __init__(self, kind: type[T], shared: tuple[type, ...] = (), apart: frozenset[str] = frozenset()) -> None:
        """Resolve the hints; raises TypeError for a type that is not supported."""
        self._encode, self._decode = _Builder(shared).whole(kind, apart)

    def dumps(self, value: T) -> bytes:
        """Write a value as JSON without any newline."""
        table: list[Any] = []
        body = self._encode(value, table)
        return orjson.dumps([body, *table], default=_hex)

    def loads(self, raw: bytes, **apart: object) -> T:
        """Read what `dumps` wrote; `apart` gives the fields kept elsewhere."""
        body, *table = orjson.loads(raw)
        body.update(apart)
        value: T = self._decode(body, table)
        return value


def _hex(value: object) -> str:
    """Write what orjson does not know: bytes."""
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} cannot be kept as typed JSON")


class _Builder:
    def __init__(self, shared: tuple[type, ...]) -> None:
        self._shared = shared

    def whole(self, kind: Any, apart: frozenset[str]) -> tuple[Convert, Convert]:
        encoders, decoders = self._fields(kind, {}, apart)
        return _dataclass_encoder(encoders), _dataclass_decoder(kind, decoders)

    def _dataclass(self, kind: Any, bound: Mapping[Any, Any]) -> tuple[Convert | None, Convert]:
        encoders, decoders = self._fields(kind, bound, frozenset())
        # Where nothing below is shared, orjson writes what the fields hold, faster than any Python.
        native = all(convert is None for _, _, convert in encoders)
        return None if native else _dataclass_encoder(encoders), _dataclass_decoder(kind, decoders)

    def _fields(
        self, kind: Any, bound: Mapping[Any, Any], apart: frozenset[str]
    ) -> tuple[tuple[tuple[str, object, Convert | None], ...], tuple[tuple[str, Convert], ...]]:
        hints = typing.get_type_hints(kind)
        encoders: list[tuple[str, object, Convert | None]] = []
        decoders: list[tuple[str, Convert]] = []
        for item in dataclasses.fields(kind):
            if item.name in apart:
                continue
            encode, decode = self._converters(hints[item.name], bound)
            default = _MISSING if item.default is dataclasses.MISSING else item.default
            encoders.append((item.name, default, encode))
            if decode is not None:
                decoders.append((item.name, decode))
        return tuple(encoders), tuple(decoders)

    def _converters(self, hint: Any, bound: Mapping[Any, Any]) -> _Pair:
        hint = bound.get(hint, hint) if isinstance(hint, TypeVar) else hint
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is None:
            return self._plain(hint)
        if origin in (types.UnionType, typing.Union):
            inner = [argument for argument in arguments if argument is not types.NoneType]
            if len(inner) == 1:
                encode, decode = self._converters(inner[0], bound)
                return encode and _unless_none(encode), decode and _unless_none(decode)
        elif origin is tuple and arguments[1:] == (Ellipsis,):
            encode, decode = self._converters(arguments[0], bound)
            return encode and _each(encode), _each(decode)
        elif dataclasses.is_dataclass(origin):
            parameters: tuple[Any, ...] = getattr(origin, "__parameters__", ())
            return self._dataclass(origin, dict(zip(parameters, arguments, strict=True)))
        raise TypeError(f"{hint} cannot be kept as typed JSON")

    def _plain(self, hint: Any) -> _Pair:
        hint = getattr(hint, "__supertype__", hint)  # of a NewType
        if hint in (str, int, bool):
            return None, None
        if hint is bytes:
            return None, (lambda raw, _: bytes.fromhex(raw))
        if isinstance(hint, type) and issubclass(hint, Enum):
            members = {member.value: member for member in hint}
            return None, (lambda raw, _: members[raw])
        if dataclasses.is_dataclass(hint):
            encode, decode = self._dataclass(hint, {})
            return (_number, _pointed(decode)) if hint in self._shared else (encode, decode)
        raise TypeError(f"{hint} cannot be kept as typed JSON")


def _dataclass_encoder(plan: tuple[tuple[str, object, Convert | None], ...]) -> Convert:
    def encode(value: Any, table: list[Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, default, convert in plan:
            part = getattr(value, name)
            # Identity is enough: defaults are None, small numbers, and empty texts and tuples.
            if part is not default:
                out[name] = part if convert is None else convert(part, table)
        return out

    return encode


def _dataclass_decoder(kind: Any, plan: tuple[tuple[str, Convert], ...]) -> Convert:
    def decode(raw: dict[str, Any], table: list[Any]) -> Any:
        for name, convert in plan:
            if name in raw:
                raw[name] = convert(raw[name], table)
        return kind(**raw)

    return decode


def _unless_none(convert: Convert) -> Convert:
    return lambda value, table: None if value is None else convert(value, table)


def _each(convert: Convert | None) -> Convert:
    if convert is None:
        return lambda value, _: tuple(value)
    return lambda value, table: tuple([convert(part, table) for part in value])


def _number(value: Any, table: list[Any]) -> int:
    """Write a shared value into the table, equal ones once, and point at it by number."""
    for number, known in enumerate(table):
        if known is value or known == value:
            return number
    table.append(value)
    return len(table) - 1


def _pointed(decode: Convert) -> Convert:
    def pointed(number: int, table: list[Any]) -> Any:
        known = table[number]
        if type(known) is dict:
            known = table[number] = decode(known, table)
        return known

    return pointed
