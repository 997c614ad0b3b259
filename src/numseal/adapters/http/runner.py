"""How the HTTP application is run: what its server says of itself, and what it logs of callers that speak no HTTP.

What is served is `app`'s.
"""

import logging

from aiohttp import web, web_response
from aiohttp.http_exceptions import HttpProcessingError

SERVER = "numseal"
"""The `Server` header of every answer: versions would tell an attacker what to try."""

_log = logging.getLogger(__name__)


class _OneLine(logging.Filter):
    """Let a request that cannot be read leave a line at DEBUG in place of a traceback; anybody can send one."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        _log.debug("a request that is not HTTP/1.1 was refused: %s", type(error).__name__)
        return False


_server_log = logging.getLogger(f"{__name__}.server")
_server_log.addFilter(_OneLine())


def make_http_runner(app: web.Application) -> web.AppRunner:
    """Make what listens for an application."""
    # Answers to what cannot be read pass by the application, so that only here the header can be set for all.
    web_response.SERVER_SOFTWARE = SERVER  # type: ignore[attr-defined]
    return web.AppRunner(app, access_log=None, logger=_server_log)
