"""Checks of the connection: TLS where the kit was told to use it, and what the backend demands of a client."""

import asyncio
import ssl
from datetime import UTC, datetime

import grpc
from cryptography import x509

from numseal.api.operator.v1 import operator_pb2, operator_pb2_grpc
from numseal.conformance.check import check
from numseal.conformance.clause import operator
from numseal.conformance.kit import Kit
from numseal.conformance.results import CannotCheck, DoesNotApply, expect

CREDENTIALS = operator(
    "OperatorBackend.GetCapabilities", "Callable by: Numseal, with the credentials the operator gave it."
)
_DAY = 86_400
_CONNECT = 3.0


def _need_tls(kit: Kit) -> None:
    if not kit.target.secure:
        raise DoesNotApply("the kit was not told to use TLS (--tls-ca); production needs it")


async def _answers(channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...] = ()) -> bool:
    """Return whether a backend answers on a channel, and close it."""
    async with channel:
        stub = operator_pb2_grpc.OperatorBackendStub(channel)
        request = operator_pb2.GetCapabilitiesRequest(contract_versions=["1.0"])
        try:
            await stub.GetCapabilities(request, timeout=_CONNECT, metadata=metadata)
        except grpc.aio.AioRpcError:
            return False
        return True


@check("tls.certificate", "The certificate is vouched for, and lasts", CREDENTIALS)
async def certificate(kit: Kit) -> str:
    """Shake hands once more and look when the certificate ends; the kit's own connection has verified it."""
    _need_tls(kit)
    host, _, port = kit.target.address.rpartition(":")
    context = ssl.create_default_context(cadata=kit.target.authority.decode("ascii"))
    context.set_alpn_protocols(["h2"])
    try:
        async with asyncio.timeout(_CONNECT):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
    except (OSError, ValueError, TimeoutError) as error:
        raise CannotCheck(f"it is vouched for; when it ends cannot be seen: {error or 'no answer'}") from None
    try:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    left = x509.load_der_x509_certificate(der).not_valid_after_utc - datetime.fromtimestamp(kit.clock.now(), UTC)
    return f"{left.total_seconds() // _DAY:.0f} days left"


@check("tls.plain_text", "Nobody is answered in clear where TLS is spoken", CREDENTIALS)
async def plain_text(kit: Kit) -> str:
    """Ask in clear."""
    _need_tls(kit)
    answered = await _answers(kit.target.plain_channel(), kit.target.metadata)
    expect(not answered, "the backend answers in clear at the address where it speaks TLS")
    return ""


@check("tls.credentials", "Nobody is answered without the credentials that Numseal was given", CREDENTIALS)
async def credentials(kit: Kit) -> str:
    """Ask without the certificate, without the token, and without either."""
    target = kit.target
    if not target.certificate and not target.token:
        raise DoesNotApply("the kit was given no credentials (--tls-certificate and --tls-key, or --token-file)")

    def bare() -> grpc.aio.Channel:
        return target.channel_as(b"", b"") if target.secure else target.plain_channel()

    expect(not await _answers(bare()), "the backend answers a client without any credentials")
    said = []
    if target.certificate:
        asked = await _answers(bare(), target.metadata)
        said.append(
            "a client certificate is not required beside the token" if asked else "a client certificate is required"
        )
    if target.token:
        asked = await _answers(target.channel())
        said.append("a token is not required beside the certificate" if asked else "a token is required")
    return ", ".join(said)


CHECKS = (certificate, plain_text, credentials)
