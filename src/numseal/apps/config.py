"""The configuration: one TOML file, read strictly into frozen values. Relative paths start where the file is.

What is read here is checked here, cross-references included, so that a server that starts has a configuration that
holds. Key files are opened by those who use them. Nothing here knows of adapters but for the simulator's packaged plan.
"""

import ipaddress
import re
import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from numseal.adapters.operators.simulator.operators import OPERATORS, load_plan
from numseal.apps.config_parties import RegisteredParty, read_agreements, read_parties
from numseal.apps.config_reader import ConfigError, Table, read_toml
from numseal.domain.agreement import Agreement
from numseal.domain.limits import Limits
from numseal.domain.number_plan import NumberPlan, NumberPlanError, parse_plan
from numseal.domain.policy import Policy, PolicyError, parse_policy
from numseal.domain.rules import SHAPES

__all__ = ["Address", "Config", "ConfigError", "load_config"]

_MOST = 2**31 - 1
_SECTIONS = ("listen", "store", "keys", "issuer", "policy", "limits", "number_plan", "simulator")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 is any free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """Return "host:port", an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files for both listeners; with `client_ca` every gRPC client must show a certificate that it signed."""

    certificate: Path
    key: Path
    client_ca: Path | None


@dataclass(frozen=True, slots=True)
class ListenConfig:
    """[listen]: `grpc` (127.0.0.1:50051), `http` (127.0.0.1:8080), `tls_certificate`, `tls_key`, `client_ca` (none).

    Without TLS only loopback addresses are taken.
    """

    grpc: Address
    http: Address
    tls: Tls | None


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """[store]: `path` of the database (numseal.db), `cache_rows` of accounts kept in memory (100000, 0 for none)."""

    path: Path
    cache_rows: int


@dataclass(frozen=True, slots=True)
class KeysConfig:
    """[keys]: files of the keys (keys/attestation.pem, keys/log.pem, keys/master.key)."""

    attestation: Path
    log: Path
    master: Path


@dataclass(frozen=True, slots=True)
class IssuerConfig:
    """[issuer]: `name` (the attestations' `iss`, a URL), `vct` (their type), `log_origin`; all required."""

    name: str
    vct: str
    log_origin: str


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """[simulator]: `enabled` (false) puts simulated operators in place, the same ones for the same `seed` (1)."""

    enabled: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file.

    `policy` is that of [policy] `file`, by default the packaged one. `plan` is that of [number_plan] `file`, by default
    the simulator's. `limits` has every field of `domain.limits.Limits` under [limits].
    """

    file: Path
    listen: ListenConfig
    store: StoreConfig
    keys: KeysConfig
    issuer: IssuerConfig
    policy: Policy
    limits: Limits
    plan: NumberPlan
    simulator: SimulatorConfig
    relying_parties: tuple[RegisteredParty, ...]
    agreements: tuple[Agreement, ...]


def load_config(path: Path, *, grpc: str | None = None, http: str | None = None) -> Config:
    """Read the file; `grpc` and `http` take the place of its addresses.

    Raises ConfigError, which names file, key, what was found and what is expected.
    """
    document = read_toml(path, "configuration")
    listen_values = document.get("listen", {})
    if isinstance(listen_values, dict):
        given = {key: value for key, value in (("grpc", grpc), ("http", http)) if value is not None}
        document["listen"] = {**listen_values, **given}
    root = Table(path, "", document)
    sections = {name: root.table(name) for name in _SECTIONS}
    party_tables, agreement_tables = root.tables("relying_parties"), root.tables("agreements")
    root.close()
    listen, simulator = _listen(sections["listen"]), _simulator(sections["simulator"])
    plan = _plan(sections["number_plan"], simulator)
    client_certificates = listen.tls is not None and listen.tls.client_ca is not None
    parties = read_parties(party_tables, client_certificates=client_certificates)
    return Config(
        file=path,
        listen=listen,
        store=_store(sections["store"]),
        keys=_keys(sections["keys"]),
        issuer=_issuer(sections["issuer"]),
        policy=_policy(sections["policy"]),
        limits=_limits(sections["limits"]),
        plan=plan,
        simulator=simulator,
        relying_parties=parties,
        agreements=read_agreements(agreement_tables, parties, plan.operators()),
    )


def _listen(table: Table) -> ListenConfig:
    grpc, http = _address(table, "grpc", "127.0.0.1:50051"), _address(table, "http", "127.0.0.1:8080")
    certificate, key = table.optional_file("tls_certificate"), table.optional_file("tls_key")
    client_ca = table.optional_file("client_ca")
    table.close()
    tls = None
    if certificate is not None and key is not None:
        tls = Tls(certificate, key, client_ca)
    elif certificate is not None:
        raise table.error("tls_key", "nothing", "the key of listen.tls_certificate")
    elif key is not None or client_ca is not None:
        raise table.error("tls_certificate", "nothing", "a certificate, since other TLS files are given")
    for name, address in (("grpc", grpc), ("http", http)):
        if tls is None and not address.loopback:
            raise table.error(
                name,
                f"{address} without TLS",
                "listen.tls_certificate and listen.tls_key, or a loopback address such as 127.0.0.1",
            )
    return ListenConfig(grpc, http, tls)


def _address(table: Table, key: str, default: str) -> Address:
    expected = "host:port, such as 127.0.0.1:50051 or [::1]:50051"
    text = table.text(key, default, expected=expected)
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})", text)
    if found is None or int(found[3]) > 65_535:  # noqa: PLR2004 - the largest port
        raise table.error(key, repr(text), expected)
    return Address(found[1] or found[2], int(found[3]))


def _store(table: Table) -> StoreConfig:
    store = StoreConfig(
        table.file_path("path", "numseal.db"),
        table.integer("cache_rows", 100_000, low=0, high=100_000_000),
    )
    table.close()
    return store


def _keys(table: Table) -> KeysConfig:
    keys = KeysConfig(
        attestation=table.file_path("attestation", "keys/attestation.pem"),
        log=table.file_path("log", "keys/log.pem"),
        master=table.file_path("master", "keys/master.key"),
    )
    table.close()
    return keys


def _issuer(table: Table) -> IssuerConfig:
    expected = "an https URL (http on loopback only) without query or fragment"
    name = table.text("name", pattern=r"https?://[!-~]{1,250}", expected=expected)
    try:
        url = urlsplit(name)
        host = Address(url.hostname or "", 0)
    except ValueError:
        raise table.error("name", repr(name), expected) from None
    if not host.host or url.query or url.fragment or (url.scheme == "http" and not host.loopback):
        raise table.error("name", repr(name), expected)
    issuer = IssuerConfig(
        name,
        table.text("vct", pattern=r"[!-~]{1,255}", expected="a URI that names the type of attestation"),
        # A space or a plus sign cannot stand in the name of a note's key (C2SP signed-note).
        table.text("log_origin", pattern=r"[!-*,-~]{1,255}", expected="a name such as example.org/log, no space or +"),
    )
    table.close()
    return issuer


def _policy(table: Table) -> Policy:
    path = table.optional_file("file")
    table.close()
    if path is None:
        packaged = resources.files("numseal.apps").joinpath("data", "policy.toml")
        return parse_policy(tomllib.loads(packaged.read_text(encoding="utf-8")), SHAPES)
    try:
        return parse_policy(read_toml(path, "policy"), SHAPES)
    except PolicyError as error:
        raise ConfigError(f"{path}: {error}") from None


def _limits(table: Table) -> Limits:
    standard = Limits()
    limits = Limits(
        **{
            item.name: table.integer(item.name, getattr(standard, item.name), low=0, high=_MOST)
            for item in fields(Limits)
        }
    )
    table.close()
    return limits


def _simulator(table: Table) -> SimulatorConfig:
    simulator = SimulatorConfig(table.flag("enabled", default=False), table.integer("seed", 1, low=0, high=_MOST))
    table.close()
    return simulator


def _plan(table: Table, simulator: SimulatorConfig) -> NumberPlan:
    path = table.optional_file("file")
    table.close()
    if path is None:
        if not simulator.enabled:
            raise table.error("file", "nothing", "a number plan, since the simulator is off")
        return load_plan()
    try:
        plan = parse_plan(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, NumberPlanError) as error:
        raise ConfigError(f"{path}: {error}") from None
    simulated = {profile.info.operator_id for profile in OPERATORS}
    if simulator.enabled and (others := plan.operators() - simulated):
        raise table.error(
            "file", f"the operator {min(others)} in {path}", f"simulated ones only ({', '.join(sorted(simulated))})"
        )
    return plan
