"""TLS to an SMSC: who it must prove to be. Made once an SMSC; nothing of a session lives here."""

import ssl

from numseal.adapters.operators.smpp.settings import SmscSettings


def context_of(smsc: SmscSettings) -> ssl.SSLContext | None:
    """Return the context of an SMSC that is spoken to over TLS, None for one in clear.

    TLS 1.2 or later, the certificate's name checked (RFC 9525); raise ValueError for a `ca` that holds no certificate.
    """
    if not smsc.tls:
        return None
    try:
        context = ssl.create_default_context(cadata=smsc.ca.decode("ascii") if smsc.ca else None)
    except (ssl.SSLError, UnicodeDecodeError) as error:
        raise ValueError(f"ca: PEM certificates expected for SMSC {smsc.name}, found none: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
