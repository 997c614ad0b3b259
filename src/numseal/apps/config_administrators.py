"""The administrators of the configuration file: `[[administrators]]`, each with credentials of its own.

A suspension takes two of them. Without any the service is administered by its file alone.
"""

from dataclasses import dataclass

from numseal.apps.config_parties import ID, ID_EXPECTED, hold_credentials, once, read_credentials
from numseal.apps.config_reader import Table
from numseal.domain.administrator import Administrator
from numseal.domain.agreement_lifecycle import CONFIGURATION


@dataclass(frozen=True, slots=True)
class RegisteredAdministrator:
    """An administrator and how it shows who it is: sets of lowercase hex SHA-256 of tokens, and of certificates."""

    administrator: Administrator
    token_sha256: frozenset[str]
    certificate_sha256: frozenset[str]


def read_administrators(
    tables: list[Table], holders: dict[str, str], *, client_certificates: bool
) -> tuple[RegisteredAdministrator, ...]:
    """Read [[administrators]]; `holders` are those who hold credentials already, relying parties included."""
    found: dict[str, RegisteredAdministrator] = {}
    for table in tables:
        name = table.text("id", pattern=ID, expected=ID_EXPECTED)
        if name == CONFIGURATION:
            raise table.error("id", repr(name), "another id: this one stands for the file itself in the audit trail")
        once(table, name, found)
        tokens, certificates = read_credentials(table, client_certificates=client_certificates)
        table.close()
        hold_credentials(table, name, tokens | certificates, holders)
        found[name] = RegisteredAdministrator(Administrator(name), tokens, certificates)
    return tuple(found.values())
