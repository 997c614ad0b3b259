"""Whether an operator is reached, told to whoever runs the server: once for every change, never once for every call."""

import logging

import grpc

MAX_CAUSES = 8
"""Causes that are told until the operator is reached again; an address that fails in turns must not fill the log."""

MAX_CAUSE = 300

_UNREACHED = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})

_log = logging.getLogger(__name__)


class Reachability:
    """Remembers whether an operator was reached last, and for what causes it was not."""

    def __init__(self, operator_id: str, address: str) -> None:
        """Take the operator's id and address, as the log names them."""
        self._operator_id = operator_id
        self._address = address
        self._causes: set[str] = set()

    def reached(self) -> None:
        """Take note of an answer."""
        if self._causes:
            self._causes.clear()
            _log.info("operator %s: reached again at %s", self._operator_id, self._address)

    def failed(self, error: grpc.aio.AioRpcError, channel: grpc.aio.Channel | None) -> None:
        """Take note of a call that failed; one that the operator itself refused over a connection is no news here."""
        if error.code() not in _UNREACHED:
            return
        if channel is None or channel.get_state() is grpc.ChannelConnectivity.READY:
            return
        # What TLS says stands here and nowhere else; some of it was written by the other end.
        cause = "".join(sign if sign.isprintable() else " " for sign in error.details() or "")
        self._tell(cause[:MAX_CAUSE] or error.code().name)

    def without_connection(self) -> None:
        """Take note that no connection came about, where gRPC does not say why; a known cause stays the one."""
        if not self._causes:
            self._tell("no connection comes about")

    def _tell(self, cause: str) -> None:
        if cause in self._causes or len(self._causes) == MAX_CAUSES:
            return
        self._causes.add(cause)
        _log.warning("operator %s: not reachable at %s: %s", self._operator_id, self._address, cause)
