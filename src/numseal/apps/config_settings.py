"""Settings of adapters from a table of the configuration: a key for every field, as the adapter's dataclass names it.

What a value means and may be is the adapter's to say, when its dataclass is made; here values get their types and
errors their place. A field of bytes is read from the file that the key with `_file` after it names; one that is kept
out of the dataclass's repr is a secret, and nobody but the file's owner may read that.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from numseal.adapters.signers.secret_file import KeyFileError, read_secret_file
from numseal.apps.config_reader import ConfigError, Table

T = TypeVar("T")
MAX_FILE = 1 << 20


def read_settings(table: Table, kind: type[T], **given: object) -> T:
    """Read all fields of a dataclass but those `given`; the caller closes the table.

    Texts, numbers, true and false, enums by their values, lists of texts, tables, and dataclasses (tables) and tuples
    of them (arrays of tables) are read, and bytes from files; what is given was read from a file too. Raises
    ConfigError naming file, key, what was found and what is expected; so do values that the dataclass itself refuses
    by `ValueError`.
    """
    hints = get_type_hints(kind)
    values = {item.name: _value(table, item, hints[item.name]) for item in fields(kind) if item.name not in given}  # type: ignore[arg-type]
    try:
        return kind(**{name: value for name, value in values.items() if value is not MISSING}, **given)
    except ValueError as error:
        names, _, rest = str(error).partition(":")
        keys = [f"{name}_file" if hints.get(name) is bytes or name in given else name for name in names.split(", ")]
        raise ConfigError(f"{table.file}: {table.path}.{', '.join(keys)}:{rest}") from None


def _value(table: Table, item: Field[Any], hint: Any) -> Any:
    """Return the field's value, MISSING where the table has none and the dataclass has a default."""
    required = item.default is MISSING and item.default_factory is MISSING
    key = f"{item.name}_file" if hint is bytes else item.name
    if key not in table.keys() and not required:  # noqa: SIM118 - not a mapping
        # Asked for all the same, so that a key next to it that is not known is told with this name among the others.
        table.expect(key)
        return MISSING
    return _content(table, key, secret=not item.repr) if hint is bytes else _shaped(table, key, hint)


def _shaped(table: Table, key: str, hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple and is_dataclass(arguments[0]):
        return tuple(_record(one, arguments[0]) for one in table.tables(key))
    if origin is tuple:
        return table.texts(key, pattern="(?s).+", expected="a text")
    if origin is Mapping:
        return _entries(table.table(key), *arguments)
    if is_dataclass(hint):
        return _record(table.table(key), hint)
    return _plain(table, key, hint)


def _plain(table: Table, key: str, hint: Any) -> Any:
    if hint is bool:
        return table.flag(key, default=False)
    if hint is int:
        return table.integer(key)
    if hint is float:
        return table.number(key)
    if hint is str:
        return table.text(key)
    if isinstance(hint, type) and issubclass(hint, Enum):
        members = {str(member.value): member for member in hint}
        return members[table.text(key, fits=members.__contains__, expected="one of " + ", ".join(members))]
    raise TypeError(f"{key}: {hint} is no kind of setting")


def _content(table: Table, key: str, *, secret: bool) -> bytes:
    """Return a file's bytes; a secret's without the line break that editors end a file with."""
    path = table.file_path(key)
    try:
        if secret:
            return read_secret_file(path).rstrip(b"\r\n")
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except KeyFileError as error:
        raise ConfigError(f"{table.file}: {table.name(key)}: {error}") from None
    except OSError as error:
        raise table.error(key, f"{path}: {error.strerror}", "a file that can be read") from None
    if len(content) > MAX_FILE:
        raise table.error(key, f"{path} with over {MAX_FILE} bytes", "a smaller file")
    return content


def _record(table: Table, kind: Any) -> Any:
    made = read_settings(table, kind)
    table.close()
    return made


def _entries(table: Table, key_hint: Any, value_hint: Any) -> dict[Any, Any]:
    entries = {_entry_key(table, key, key_hint): _plain(table, key, value_hint) for key in table.keys()}  # noqa: SIM118
    table.close()
    return entries


def _entry_key(table: Table, key: str, hint: Any) -> Any:
    if hint is not int:
        return key
    try:
        return int(key, 0)
    except ValueError:
        raise table.error(key, repr(key), "a whole number as the key, such as 1024 or 0x400") from None
