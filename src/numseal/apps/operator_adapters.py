"""How operators are reached: each adapter by its name in the configuration, and how its table becomes a backend.

Beside the wiring the only file that names operators' adapters. An adapter's table is read, its files with it, when the
configuration is; nothing is connected to before the server asks. Further backends are installed as packages, under the
entry point group `numseal.operators`.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any

from numseal.adapters.operators.osmo_hlr.backend import OsmoHlrOperator
from numseal.adapters.operators.osmo_hlr.settings import Settings as OsmoHlrSettings
from numseal.adapters.operators.remote.backend import RemoteOperator
from numseal.adapters.operators.remote.settings import Settings as RemoteSettings
from numseal.adapters.operators.remote.statement import PublicKey, read_keys
from numseal.adapters.operators.smpp.backend import SmppOperator
from numseal.adapters.operators.smpp.settings import Settings as SmppSettings
from numseal.adapters.signers.secret_file import KeyFileError, read_secret, read_secret_file
from numseal.apps.config_reader import ConfigError, Table
from numseal.apps.config_settings import read_settings
from numseal.attestation.errors import AttestationError
from numseal.domain.number_plan import OperatorInfo
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorBackend

GROUP = "numseal.operators"
"""Entry points by which packages bring backends: a function (OperatorInfo, settings, Clock) -> OperatorBackend.

`settings` is the table of the configuration as TOML has it, `adapter` and `name` left out. The function raises
`ValueError` for settings that it cannot use, and connects to nothing.
"""

Make = Callable[[OperatorInfo, Clock], OperatorBackend]
"""Makes a backend; raises `ValueError` where the settings cannot be used."""


def read_adapter(table: Table, name: str) -> Make:
    """Read the rest of an adapter's table; raises ConfigError naming the key, or the adapters there are."""
    read = _BUILT_IN.get(name)
    if read is not None:
        make = read(table)
        table.close()
        return make
    found = entry_points(group=GROUP, name=name)
    if not found:
        known = ", ".join([*_BUILT_IN, *sorted({item.name for item in entry_points(group=GROUP)})])
        raise table.error("adapter", repr(name), f"one of {known}, or an installed package's ({GROUP})")
    settings = table.rest()
    try:
        plugin = next(iter(found)).load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise table.error("adapter", f"{name!r}, which cannot be loaded: {reason}", "a package that works") from error
    return _of_package(table, plugin, settings)


def _of_package(table: Table, plugin: Callable[..., Any], settings: Mapping[str, Any]) -> Make:
    def make(info: OperatorInfo, clock: Clock) -> OperatorBackend:
        backend: OperatorBackend = plugin(info, settings, clock)
        if backend.operator_id != info.operator_id:
            raise ValueError(f"found a backend of {backend.operator_id[:64]!r}, expected one of {info.operator_id!r}")
        return backend

    return _told(table, make)


def _remote(table: Table) -> Make:
    token = _secret_text(table, "token_file")
    settings = read_settings(table, RemoteSettings, token=token, statement_keys=_statement_keys(table))
    return lambda info, clock: RemoteOperator(info.operator_id, settings, clock, _plmns(info))


def _smpp(table: Table) -> Make:
    settings = read_settings(table, SmppSettings)
    return _told(table, lambda info, clock: SmppOperator(settings, info.operator_id, _plmns(info), clock))


def _osmo_hlr(table: Table) -> Make:
    key, settings = _secret(table, "reference_key_file"), read_settings(table, OsmoHlrSettings)
    return lambda info, clock: OsmoHlrOperator(settings, info.operator_id, _plmns(info), clock, key)


def _camara(table: Table) -> Make:
    try:
        # Only those who installed the extra have what signs its assertions.
        from numseal.adapters.operators.camara.backend import CamaraOperator  # noqa: PLC0415
        from numseal.adapters.operators.camara.settings import Settings as CamaraSettings  # noqa: PLC0415
    except ModuleNotFoundError as error:
        found = f"'camara', which needs {error.name}"
        raise table.error("adapter", found, "the extra to be installed: pip install numseal[camara]") from None
    private_key = _secret_text(table, "private_key_file", required=True).encode()
    key = _secret(table, "seal_key_file")
    authority = table.optional_file("certificate_authority_file")
    trusted = authority.read_bytes() if authority is not None else b""
    settings = read_settings(table, CamaraSettings)
    return _told(
        table,
        lambda info, clock: CamaraOperator(
            settings,
            operator_id=info.operator_id,
            plmns=_plmns(info),
            clock=clock,
            private_key=private_key,
            key=key,
            certificate_authority=trusted,
        ),
    )


def _told(table: Table, make: Make) -> Make:
    """Give what a maker cannot use its place in the file."""

    def made(info: OperatorInfo, clock: Clock) -> OperatorBackend:
        try:
            return make(info, clock)
        except ValueError as error:
            raise ConfigError(f"{table.file}: {table.path}: {error}") from None

    return made


def _plmns(info: OperatorInfo) -> tuple[str, ...]:
    return tuple(str(plmn) for plmn in info.plmns)


def _secret(table: Table, key: str) -> bytes:
    """Return the 32 bytes in a required file of 64 hexadecimal digits."""
    try:
        return read_secret(table.file_path(key))
    except KeyFileError as error:
        raise ConfigError(f"{table.file}: {table.name(key)}: {error}") from None


def _secret_text(table: Table, key: str, *, required: bool = False) -> str:
    """Return the text in a file that only its owner may read, empty where none is named and none required."""
    table.expect(key)
    if key not in table.keys() and not required:  # noqa: SIM118 - not a mapping
        return ""
    try:
        return read_secret_file(table.file_path(key)).decode().strip()
    except UnicodeDecodeError:
        raise table.error(key, "bytes that are no UTF-8", "a text") from None
    except KeyFileError as error:
        raise ConfigError(f"{table.file}: {table.name(key)}: {error}") from None


def _statement_keys(table: Table) -> dict[str, PublicKey]:
    path = table.optional_file("statement_keys_file")
    if path is None:
        return {}
    try:
        return dict(read_keys(path.read_bytes()))
    except (ValueError, AttestationError) as error:
        raise table.error("statement_keys_file", f"{path}: {error}", "a JWK set (RFC 7517 §5)") from None


_BUILT_IN: Mapping[str, Callable[[Table], Make]] = {
    "remote": _remote,
    "smpp": _smpp,
    "osmo_hlr": _osmo_hlr,
    "camara": _camara,
}
