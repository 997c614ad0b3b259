"""The configuration: one TOML file, read strictly into frozen values. Relative paths start where the file is.

What is read here is checked here, cross-references included, so that a server that starts has a configuration that
holds. Key files are opened by those who use them; the other files it names are read in `config_files`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from numseal.adapters.operators.simulator.operators import OPERATORS, OperatorProfile
from numseal.apps.addresses import Address, is_web_address
from numseal.apps.config_administrators import RegisteredAdministrator, read_administrators
from numseal.apps.config_agreements import read_agreements
from numseal.apps.config_files import read_client_networks, read_plan, read_policies
from numseal.apps.config_operators import OperatorConfig, read_operators
from numseal.apps.config_parties import RegisteredParty, read_parties
from numseal.apps.config_reader import ConfigError, Table, read_toml
from numseal.domain.agreement import Agreement
from numseal.domain.client_network import ClientNetworks
from numseal.domain.limits import Limits
from numseal.domain.number_plan import NumberPlan
from numseal.domain.policy import Policy

__all__ = ["Address", "Config", "ConfigError", "MonitoringConfig", "load_config"]

_MOST = 2**31 - 1
_PERCENT = 100
_SECTIONS = (
    "listen",
    "store",
    "keys",
    "issuer",
    "policy",
    "limits",
    "number_plan",
    "client_networks",
    "monitoring",
    "simulator",
)


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
class MonitoringConfig:
    """[monitoring]: how bindings are followed.

    `watch` (true) has operators send events about bound numbers; `rechecks_per_operator_second` (20) is the most
    scheduled lookups that one operator is asked for in a second.
    """

    watch: bool
    rechecks_per_operator_second: int


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """[simulator]: `enabled` (false) puts simulated operators in place, the same ones for the same `seed` (1).

    `profiles` are the operators' ways; no key of the file changes them.
    """

    enabled: bool
    seed: int
    profiles: tuple[OperatorProfile, ...] = OPERATORS


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file.

    `policy` is that of [policy] `file`, by default the packaged one; `policies` has it and the `further` ones by their
    names, which relying parties refer to. `plan` is that of [number_plan] `file`, by default the simulator's;
    `porting_file` (none) is the file of ported numbers, `number,operator` or `first,last,operator` a row, which may be
    so large that only a server reads it. Policies, plan and ported numbers are read again when a server is sent SIGHUP.
    `client_networks` are those of [client_networks] `file`, by default the simulator's, or none. `limits` has every
    field of `domain.limits.Limits` under [limits]. `operators` are those of [[operators]]; where the simulator is
    enabled too it plays the others.
    """

    file: Path
    listen: ListenConfig
    store: StoreConfig
    keys: KeysConfig
    issuer: IssuerConfig
    policy: Policy
    policies: Mapping[str, Policy]
    limits: Limits
    plan: NumberPlan
    porting_file: Path | None
    client_networks: ClientNetworks
    monitoring: MonitoringConfig
    simulator: SimulatorConfig
    operators: tuple[OperatorConfig, ...]
    relying_parties: tuple[RegisteredParty, ...]
    administrators: tuple[RegisteredAdministrator, ...]
    agreements: tuple[Agreement, ...]

    @property
    def operator_ids(self) -> frozenset[str]:
        """The operators that a number can be routed to: those of [[operators]] and those of the plan."""
        return self.plan.operators() | {operator.info.operator_id for operator in self.operators}


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
    administrator_tables, operator_tables = root.tables("administrators"), root.tables("operators")
    root.close()
    listen, simulator = _listen(sections["listen"]), _simulator(sections["simulator"])
    porting_file = sections["number_plan"].optional_file("porting_file")
    operators = read_operators(operator_tables)
    ids = {operator.info.operator_id for operator in operators}
    plan = read_plan(sections["number_plan"], ids, simulated=simulator.enabled)
    policies = read_policies(sections["policy"])
    client_certificates = listen.tls is not None and listen.tls.client_ca is not None
    holders: dict[str, str] = {}
    parties = read_parties(party_tables, policies.by_name, holders, client_certificates=client_certificates)
    administrators = read_administrators(administrator_tables, holders, client_certificates=client_certificates)
    return Config(
        file=path,
        listen=listen,
        store=_store(sections["store"]),
        keys=_keys(sections["keys"]),
        issuer=_issuer(sections["issuer"]),
        policy=policies.default,
        policies=policies.by_name,
        limits=_limits(sections["limits"]),
        plan=plan,
        porting_file=porting_file,
        client_networks=read_client_networks(sections["client_networks"], plan, simulated=simulator.enabled),
        monitoring=_monitoring(sections["monitoring"]),
        simulator=simulator,
        operators=operators,
        relying_parties=parties,
        administrators=administrators,
        agreements=read_agreements(agreement_tables, parties, plan.operators() | ids),
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
    address = Address.parse(text)
    if address is None:
        raise table.error(key, repr(text), expected)
    return address


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
    issuer = IssuerConfig(
        table.text("name", pattern=".{1,258}", fits=lambda text: is_web_address(text, query=False), expected=expected),
        table.text("vct", pattern=r"[!-~]{1,255}", expected="a URI that names the type of attestation"),
        # A space or a plus sign cannot stand in the name of a note's key (C2SP signed-note).
        table.text("log_origin", pattern=r"[!-*,-~]{1,255}", expected="a name such as example.org/log, no space or +"),
    )
    table.close()
    return issuer


def _limits(table: Table) -> Limits:
    standard = Limits()
    limits = Limits(
        **{
            item.name: table.integer(
                item.name,
                getattr(standard, item.name),
                low=0,
                high=_PERCENT if item.name.endswith("_percent") else _MOST,
            )
            for item in fields(Limits)
        }
    )
    table.close()
    return limits


def _monitoring(table: Table) -> MonitoringConfig:
    monitoring = MonitoringConfig(
        table.flag("watch", default=True), table.integer("rechecks_per_operator_second", 20, low=1, high=100_000)
    )
    table.close()
    return monitoring


def _simulator(table: Table) -> SimulatorConfig:
    simulator = SimulatorConfig(table.flag("enabled", default=False), table.integer("seed", 1, low=0, high=_MOST))
    table.close()
    return simulator
