"""Settings of adapters from a table of the configuration: a key for every field, as the adapter's dataclass names it.

What a value means and may be is the adapter's to say, when its dataclass is made; here values get their types and
errors their place.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from numseal.apps.config_reader import ConfigError, Table

T = TypeVar("T")
_MOST = 2**53


def read_settings(table: Table, kind: type[T], **given: object) -> T:
    """Read all fields of a dataclass but those `given`; the caller closes the table.

    Texts, numbers, true and false, lists of texts, tables of texts, and dataclasses (tables) and tuples of them (arrays
    of tables) are read. Raises ConfigError naming file, key, what was found and what is expected; so do values that
    the dataclass itself refuses by `ValueError`.
    """
    hints = get_type_hints(kind)
    values = {item.name: _value(table, item, hints[item.name]) for item in fields(kind) if item.name not in given}  # type: ignore[arg-type]
    try:
        return kind(**{name: value for name, value in values.items() if value is not MISSING}, **given)
    except ValueError as error:
        raise ConfigError(f"{table.file}: {table.path}.{error}") from None


def _value(table: Table, item: Field[Any], hint: Any) -> Any:
    """Return the field's value, MISSING where the table has none and the dataclass has a default."""
    required = item.default is MISSING and item.default_factory is MISSING
    if item.name not in table.keys() and not required:  # noqa: SIM118 - not a mapping
        # Asked for all the same, so that a key next to it that is not known is told with this name among the others.
        table.expect(item.name)
        return MISSING
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple and is_dataclass(arguments[0]):
        return tuple(_record(one, arguments[0]) for one in table.tables(item.name))
    if origin is tuple:
        return table.texts(item.name, pattern="(?s).+", expected="a text")
    if origin is Mapping:
        return _texts(table.table(item.name))
    if is_dataclass(hint):
        return _record(table.table(item.name), hint)
    return _plain(table, item.name, hint)


def _plain(table: Table, name: str, hint: Any) -> Any:
    if hint is bool:
        return table.flag(name, default=False)
    if hint is int:
        return table.integer(name, low=-_MOST, high=_MOST)
    if hint is float:
        return table.number(name, low=-_MOST, high=_MOST)
    if hint is str:
        return table.text(name)
    raise TypeError(f"{name}: {hint} is no kind of setting")


def _record(table: Table, kind: Any) -> Any:
    made = read_settings(table, kind)
    table.close()
    return made


def _texts(table: Table) -> dict[str, str]:
    texts = {key: table.text(key) for key in table.keys()}  # noqa: SIM118 - not a mapping
    table.close()
    return texts
