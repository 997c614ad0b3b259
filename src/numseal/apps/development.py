"""The development directory: keys, tokens and a configuration made on first use, so that one command serves.

Completes a directory that was cut off half-made, and never replaces a file. Nothing made here is fit for production.
"""

import fcntl
import hashlib
import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path

from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.operators.simulator.operators import OPERATORS
from numseal.adapters.signers.pem import create_ed25519, create_es256, read_ed25519, read_es256
from numseal.adapters.signers.secret_file import (
    SECRET_BYTES,
    create_secret,
    read_secret,
    read_secret_file,
    sync_directory,
)
from numseal.apps.config import Config, ConfigError, load_config
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.limits import Limits

DEFAULT_DIRECTORY = Path(".numseal")
CONFIG_NAME = "numseal.toml"
TOKEN_NAME = "token"  # noqa: S105 - the name of a file
ADMINISTRATORS = ("admin-a", "admin-b")
"""The ids of the administrators: two, since a suspension takes two."""

PUBLIC_KEYS_NAME = "public-keys.json"
WARNING = "DEVELOPMENT KEYS: made on this machine and unprotected. Nobody may rely on what this server signs."
"""The line that is shown wherever such keys are used."""

_KEYS_NAME = "keys"
_DRAFT = ".draft"


def administrator_token_name(administrator_id: str) -> str:
    """Return the name of the file that holds an administrator's bearer token."""
    return f"{administrator_id}.token"


_OURS = frozenset(
    {CONFIG_NAME, TOKEN_NAME, PUBLIC_KEYS_NAME, _KEYS_NAME, *map(administrator_token_name, ADMINISTRATORS)}
)


@dataclass(frozen=True, slots=True)
class Development:
    """What a development directory holds: the configuration, its relying party's bearer token, the public keys."""

    config: Config
    token: str
    public_keys: bytes


def prepare_development(
    directory: Path = DEFAULT_DIRECTORY, *, grpc: str | None = None, http: str | None = None
) -> Development:
    """Make what the directory lacks, and read it; `grpc` and `http` take the place of its addresses.

    The caller shows `WARNING`. Raises ConfigError or KeyFileError where the directory holds other things, cannot be
    written, or does not fit together.
    """
    configuration = directory / CONFIG_NAME
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(directory):
            if not configuration.exists():
                _make(directory)
            config = load_config(configuration, grpc=grpc, http=http)
            public_keys = _publish_keys(directory, config)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or directory}: {error.strerror}; expected a directory to keep development keys in"
        ) from None
    return Development(config, _token(directory), public_keys)


def _token(directory: Path, name: str = TOKEN_NAME) -> str:
    return read_secret_file(directory / name).decode("ascii", errors="replace").strip()


def _make(directory: Path) -> None:
    """Make keys and tokens first and the configuration last: while it is missing, nothing relies on them."""
    # A draft is what a crash left of a file of ours.
    strangers = sorted({path.name for path in directory.iterdir() if not path.name.endswith(_DRAFT)} - _OURS)
    if strangers:
        raise ConfigError(
            f"{directory}: holds {strangers[0]!r} and no {CONFIG_NAME}; expected an empty directory, "
            f"one that was made here, or the option --config"
        )
    entropy = SystemEntropy()
    keys = directory / _KEYS_NAME
    keys.mkdir(mode=0o700, exist_ok=True)
    origin = "localhost/numseal-development"
    attestation, log, master = keys / "attestation.pem", keys / "log.pem", keys / "master.key"
    if attestation.exists():
        read_es256(attestation)
    else:
        create_es256(attestation)
    if log.exists():
        read_ed25519(log, origin)
    else:
        create_ed25519(log, origin)
    if master.exists():
        read_secret(master)
    else:
        create_secret(master, entropy.bytes(SECRET_BYTES))
    digests = {}
    for name in (TOKEN_NAME, *map(administrator_token_name, ADMINISTRATORS)):
        token = directory / name
        if not token.exists():
            _write_new(token, urlsafe_b64encode(entropy.bytes(SECRET_BYTES)).rstrip(b"=") + b"\n")
        digests[name] = hashlib.sha256(_token(directory, name).encode()).hexdigest()
    _write_new(directory / CONFIG_NAME, _configuration(digests))


def _configuration(token_sha256: Mapping[str, str]) -> bytes:
    template = resources.files("numseal.apps").joinpath("data", "development.toml").read_text(encoding="utf-8")
    limits = Limits()
    filled = (
        template.replace(
            "@LIMITS@", "\n".join(f"# {item.name} = {getattr(limits, item.name)}" for item in fields(Limits))
        )
        .replace("@TOKEN_SHA256@", token_sha256[TOKEN_NAME])
        .replace("@ADMINISTRATORS@", "\n".join(_administrator(name, token_sha256) for name in ADMINISTRATORS))
        .replace("@OPERATORS@", ", ".join(f'"{profile.info.operator_id}"' for profile in OPERATORS))
    )
    return filled.encode()


def _administrator(name: str, token_sha256: Mapping[str, str]) -> str:
    file = administrator_token_name(name)
    return (
        f'[[administrators]]\nid = "{name}"\n# SHA-256 of the bearer token in the file "{file}".\n'
        f'token_sha256 = ["{token_sha256[file]}"]\n'
    )


def _publish_keys(directory: Path, config: Config) -> bytes:
    """Write the public keys beside the configuration, or see that those there are the configured ones."""
    issuer = config.issuer
    keys = PublicKeys.of(
        issuer.name,
        [read_es256(config.keys.attestation).public_key],
        issuer.log_origin,
        read_ed25519(config.keys.log, issuer.log_origin).vkey,
        issuer.vct,
    ).to_json()
    path = directory / PUBLIC_KEYS_NAME
    if not path.exists():
        _write_new(path, keys, mode=0o644)
    elif path.read_bytes() != keys:
        raise ConfigError(
            f"{path}: is not what {CONFIG_NAME} and its keys give; "
            "expected the same keys and names (remove the file to have it written again)"
        )
    return keys


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Let one process at a time make the directory's files."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_new(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all, durably, under a name that must be free."""
    draft = path.with_name(f".{path.name}{_DRAFT}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - the mode needs os.open
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    path.hardlink_to(draft)
    draft.unlink()
    sync_directory(path.parent)
