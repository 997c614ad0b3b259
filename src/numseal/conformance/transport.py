"""How the kit reaches a backend: address, TLS, and the token it shows. Plain values and the channels made of them."""

from dataclasses import dataclass

import grpc

OPTIONS = (
    # Connections, and the waits after their failures, are shared by address within a process: ours are our own.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A backend's address (host:port) and what is shown there.

    `authority` is the PEM of those who may vouch for the backend, empty for a connection in clear; `certificate` and
    `key` are the PEM that the kit shows, empty for none; `token` is sent as `authorization: Bearer`, empty for none.
    """

    address: str
    authority: bytes = b""
    certificate: bytes = b""
    key: bytes = b""
    token: str = ""

    @property
    def secure(self) -> bool:
        """Whether the connection is made over TLS."""
        return bool(self.authority)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with every call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    def channel(self) -> grpc.aio.Channel:
        """Open a channel; the caller closes it."""
        return self.channel_as(self.certificate, self.key) if self.secure else self.plain_channel()

    def channel_as(self, certificate: bytes, key: bytes) -> grpc.aio.Channel:
        """Open a channel over TLS that shows another certificate, or none."""
        credentials = grpc.ssl_channel_credentials(self.authority, key or None, certificate or None)
        return grpc.aio.secure_channel(self.address, credentials, options=OPTIONS)

    def plain_channel(self) -> grpc.aio.Channel:
        """Open a channel in clear."""
        return grpc.aio.insecure_channel(self.address, options=OPTIONS)
