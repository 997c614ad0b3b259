"""An administrator's call to a server: options of the commands, channel, token, and errors in words."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
import grpc

from numseal.api.admin.v1.admin_pb2_grpc import AdminServiceStub
from numseal.apps.cli.given import GivenError, check_address, read_authorities, read_token
from numseal.apps.cli.session import TIMEOUT, problem, words
from numseal.apps.cli.style import bad

if TYPE_CHECKING:
    from numseal.api.admin.v1.admin_pb2_grpc import AdminServiceAsyncStub

DONE, REFUSED, USAGE = 0, 1, 2
_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls which server, and whether answers are printed as JSON; `ca` has authorities (PEM), if any."""

    address: str
    token: str
    ca: bytes | None
    as_json: bool

    def call(self, work: "Callable[[AdminCalls], Awaitable[T]]") -> T:
        """Do some calls; ends the process with a sentence where one fails."""
        try:
            return asyncio.run(self._call(work))
        except grpc.aio.AioRpcError as error:
            if self.as_json:
                click.echo(problem(error))
            reason, sentence = words(error)
            lost = error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
            hint = f" (is the server running at {self.address}?)" if lost else ""
            fail(f"{reason}: {sentence}{hint}", USAGE if lost else REFUSED)

    async def _call(self, work: "Callable[[AdminCalls], Awaitable[T]]") -> T:
        if self.ca is None:
            channel = grpc.aio.insecure_channel(self.address, options=_OWN_CONNECTION)
        else:
            credentials = grpc.ssl_channel_credentials(self.ca)
            channel = grpc.aio.secure_channel(self.address, credentials, options=_OWN_CONNECTION)
        async with channel:
            return await work(AdminCalls(AdminServiceStub(channel), (("authorization", f"Bearer {self.token}"),)))


@dataclass(frozen=True, slots=True)
class AdminCalls:
    """The service's RPCs by their names, each bounded in time and with the administrator's token."""

    stub: "AdminServiceAsyncStub"
    metadata: tuple[tuple[str, str], ...]

    async def __call__(self, rpc: str, request: Any) -> Any:
        """Call one RPC."""
        return await getattr(self.stub, rpc)(request, metadata=self.metadata, timeout=TIMEOUT)


def calling(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name server and administrator, and the `caller` they make as its first value."""

    @click.option("--address", default="127.0.0.1:50051", show_default=True, help="HOST:PORT of the gRPC server.")
    @click.option(
        "--directory",
        type=click.Path(path_type=Path),
        default=Path(".numseal"),
        show_default=True,
        help="The server's data directory, which holds development tokens.",
    )
    @click.option(
        "--as", "name", default="admin-a", show_default=True, metavar="ID", help="The administrator of that directory."
    )
    @click.option("--token-file", type=click.Path(path_type=Path), help="A file with the administrator's bearer token.")
    @click.option("--ca", type=click.Path(path_type=Path), help="Authorities (PEM) of a server that speaks TLS.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @wraps(command)
    def called(
        *,
        address: str,
        directory: Path,
        name: str,
        token_file: Path | None,
        ca: Path | None,
        as_json: bool,
        **rest: object,
    ) -> None:
        try:
            check_address(address, "--address")
            token = read_token(token_file or directory / f"{name}.token", "an administrator's")
            authorities = read_authorities(ca)
        except GivenError as error:
            fail(str(error), USAGE)
        command(Caller(address, token, authorities, as_json), **rest)

    return called


def fail(sentence: str, code: int) -> NoReturn:
    """End with one sentence on stderr."""
    click.echo(bad(sentence), err=True)
    sys.exit(code)
