"""`numseal serve`: find or make the configuration, and run the server on it. What is served is `apps.server`."""

import logging
from pathlib import Path

import click

from numseal.adapters.signers.secret_file import KeyFileError
from numseal.apps.addresses import Address
from numseal.apps.config import ConfigError, load_config
from numseal.apps.development import DEFAULT_DIRECTORY, WARNING, prepare_development
from numseal.apps.server import Addresses, run
from numseal.ports.store import StoreError


class UnusableConfigurationError(click.ClickException):
    """End with exit code 2 and one sentence on stderr."""

    exit_code = 2


@click.command(name="serve")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Serve by this configuration.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Serve from this development directory, made where it is missing.  "
    f"[default without --config: {DEFAULT_DIRECTORY}]",
)
@click.option("--grpc", metavar="HOST:PORT", help="Serve gRPC here, whatever the configuration says.")
@click.option("--http", metavar="HOST:PORT", help="Serve HTTP here, whatever the configuration says.")
def serve(config_file: Path | None, directory: Path | None, grpc: str | None, http: str | None) -> None:
    """Serve gRPC and HTTP until SIGTERM or SIGINT.

    Without options the configuration, keys and a token for development are made in ./.numseal on first use.
    Exit code 0: stopped as told. 1: the server cannot start or go on. 2: usage, configuration or a key file.
    """
    if config_file is not None and directory is not None:
        raise click.UsageError("Give either --config or --directory.")
    for option, text in (("--grpc", grpc), ("--http", http)):
        if text is not None and Address.parse(text) is None:
            raise click.UsageError(
                f"{option}: found {text!r}, expected HOST:PORT, such as 127.0.0.1:50051 or [::1]:50051"
            )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        if config_file is None:
            config = prepare_development(directory or DEFAULT_DIRECTORY, grpc=grpc, http=http).config
            click.secho(WARNING, err=True, fg="red", bold=True)
        else:
            config = load_config(config_file, grpc=grpc, http=http)
        run(config, _announce)
    except (ConfigError, KeyFileError) as error:
        raise UnusableConfigurationError(str(error)) from None
    except (StoreError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _announce(addresses: Addresses) -> None:
    click.echo(f"serving gRPC on {addresses.grpc} and HTTP on {addresses.http}")
