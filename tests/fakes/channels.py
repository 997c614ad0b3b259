"""Channels of a test's own: gRPC shares connections, and their waits after a failure, by address within a process.

A port that a server of an earlier test had may be given out again, and its failure must not be the next test's.
"""

import grpc

OWN = (("grpc.use_local_subchannel_pool", 1),)


def plain(address: str) -> grpc.aio.Channel:
    """Return a channel in clear to host:port."""
    return grpc.aio.insecure_channel(address, options=OWN)


def secure(
    address: str, credentials: grpc.ChannelCredentials, options: tuple[tuple[str, str], ...] = ()
) -> grpc.aio.Channel:
    """Return a channel over TLS to host:port."""
    return grpc.aio.secure_channel(address, credentials, options=OWN + options)
