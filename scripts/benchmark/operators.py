"""What reaching an operator costs: the remote backend over gRPC, an OsmoHLR, an SMSC; each in a run of its own."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmark import osmo_hlr, remote_operator, smpp
from benchmark.load import LoadError
from benchmark.servers import ServerError

NOT_MEASURED = "not measured"
_HLR_SECONDS, _HLR_ROUNDS = 4.0, 3


def measure(*, quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Return the figures of each adapter, or why one could not be measured here."""
    document: dict[str, Any] = {}
    for name, taken in (("remote", _remote), ("osmo_hlr", _osmo_hlr), ("smpp", _smpp)):
        say(f"{name} …")
        try:
            document[name] = taken(quick)
        except (LoadError, ServerError, smpp.SmscMissingError, RuntimeError, OSError) as error:
            document[name] = {NOT_MEASURED: str(error)}
    return document


def to_text(document: dict[str, Any]) -> str:
    """Return the figures as tables."""
    written = {"remote": remote_operator.to_text, "osmo_hlr": osmo_hlr.to_text, "smpp": smpp.to_text}
    parts = []
    for name, figures in document.items():
        reason = figures.get(NOT_MEASURED)
        parts.append(written[name](figures) if reason is None else f"{name}: {NOT_MEASURED}: {reason}")
    return "\n\n".join(parts)


def _remote(quick: bool) -> dict[str, Any]:
    return dict(remote_operator.measure(200, 1) if quick else remote_operator.measure())


def _osmo_hlr(quick: bool) -> dict[str, Any]:
    with TemporaryDirectory(prefix="numseal-bench-") as directory:
        seconds, rounds = (0.5, 1) if quick else (_HLR_SECONDS, _HLR_ROUNDS)
        return osmo_hlr.to_object(osmo_hlr.measure(seconds, rounds, Path(directory)))


def _smpp(quick: bool) -> dict[str, Any]:
    return dict(smpp.measure(500, 1) if quick else smpp.measure())
