"""TLS: relying parties by token and by client certificate, and whom the handshake keeps out."""

import ssl
from pathlib import Path

import aiohttp
import grpc
import pytest

from fakes import channels
from fakes.certificates import Authority, Identity
from fakes.messenger import Messenger, answers, state
from fakes.server_process import ANYWHERE, ServerProcess, refused, running
from numseal.apps.development import Development, prepare_development

MTS = "+79161234567"


class Site:
    """A development directory whose server speaks TLS."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.setup: Development = prepare_development(directory)
        self.authority, self.clients = Authority("servers' authority"), Authority("clients' authority")
        self._write(self.authority.issue("localhost"))
        (directory / "client-ca.pem").write_bytes(self.clients.certificate)

    def _write(self, identity: Identity) -> None:
        (self.directory / "server.pem").write_bytes(identity.certificate)
        key = self.directory / "server.key"
        key.write_bytes(identity.key)
        key.chmod(0o600)

    def configure(self, *listen: str, certificate: str = "") -> None:
        """Put lines under [listen], and a client certificate's digest in the relying party's place."""
        path = self.directory / "numseal.toml"
        text = path.read_text().replace("[listen]", "\n".join(("[listen]", *listen)))
        if certificate:
            text = text.replace("# certificate_sha256 = []", f'certificate_sha256 = ["{certificate}"]')
        path.write_text(text)

    @property
    def bearer(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.setup.token}"),)

    def channel(self, server: ServerProcess, root: bytes, client: Identity | None = None) -> grpc.aio.Channel:
        credentials = grpc.ssl_channel_credentials(
            root, client.key if client else None, client.certificate if client else None
        )
        return channels.secure(server.grpc.replace("127.0.0.1", "localhost"), credentials)


TLS = ('tls_certificate = "server.pem"', 'tls_key = "server.key"')
MUTUAL = (*TLS, 'client_ca = "client-ca.pem"')


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "data")


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.certificate.decode())


async def unreachable(channel: grpc.aio.Channel) -> None:
    """Expect the handshake to fail."""
    async with channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await Messenger(channel, ()).shown(MTS)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_token_over_tls(site: Site) -> None:
    site.configure(*TLS)
    async with running(site.directory) as server:
        async with site.channel(server, site.authority.certificate) as channel:
            assert state(await Messenger(channel, site.bearer).sign_up(MTS)) == "VERIFIED"
            with answers("UNAUTHENTICATED", "CREDENTIALS_MISSING"):
                await Messenger(channel, ()).shown(MTS)
        await unreachable(site.channel(server, Authority("another authority").certificate))
        await unreachable(channels.plain(server.grpc))


async def test_http_is_served_over_tls_too(site: Site) -> None:
    site.configure(*TLS)
    async with running(site.directory) as server, aiohttp.ClientSession() as web:
        port = server.http.rpartition(":")[2]
        context = trusting(site.authority)
        async with web.get(f"https://localhost:{port}/log/checkpoint", ssl=context) as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await web.get(f"https://localhost:{port}/log/checkpoint", ssl=trusting(site.clients))
        with pytest.raises(aiohttp.ClientError):
            await web.get(f"http://localhost:{port}/log/checkpoint")


async def test_a_relying_party_by_its_client_certificate(site: Site) -> None:
    known, unknown = site.clients.issue("demo-messenger"), site.clients.issue("somebody")
    site.configure(*MUTUAL, certificate=known.digest)
    root = site.authority.certificate
    async with running(site.directory) as server:
        async with site.channel(server, root, known) as channel:
            assert state(await Messenger(channel, ()).sign_up(MTS)) == "VERIFIED"
        async with site.channel(server, root, unknown) as channel:
            with answers("UNAUTHENTICATED", "CERTIFICATE_UNKNOWN"):
                await Messenger(channel, ()).shown(MTS)
            # A token tells who calls, too; the certificate then only lets the call in.
            await Messenger(channel, site.bearer).shown(MTS)
        await unreachable(site.channel(server, root))
        await unreachable(site.channel(server, root, Authority("another authority").issue("demo-messenger")))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("server.pem", "nothing", "expected a certificate chain and its private key"),
        ("server.key", "nothing", "expected a certificate chain and its private key"),
        ("server.key", "", "expected a certificate chain and its private key"),
        ("client-ca.pem", "nothing", "expected certificates as PEM"),
    ],
)
def test_tls_files_that_cannot_be_used(site: Site, name: str, content: str, sentence: str) -> None:
    site.configure(*MUTUAL)
    (site.directory / name).write_bytes(content.encode() or site.authority.issue("localhost").key)
    done = refused("--directory", str(site.directory), *ANYWHERE)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert str(site.directory / name) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_tls_file_that_is_missing_is_named(site: Site) -> None:
    site.configure(*TLS)
    (site.directory / "server.key").unlink()
    done = refused("--directory", str(site.directory), *ANYWHERE)
    assert done.returncode == 2
    assert f"listen.tls_key: found {site.directory}/server.key: No such file or directory" in done.stderr
