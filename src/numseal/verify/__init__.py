"""Offline verification of what Numseal attests, as a library: plain bytes and pinned keys in, a report out.

What a relying party or an auditor runs without a network, a server or a database. Never imports an RPC
library, asyncio or a database driver; reads no clock and no file.

    report = verify_bundle(Path("bundle.json").read_bytes(), PublicKeys.from_json(pinned), at=unix_seconds)
    if report.exit_code is ExitCode.VALID: use(report.claims)
"""

from numseal.attestation.errors import AttestationError
from numseal.attestation.public_keys import PublicKeys
from numseal.verify.bundle import verify_bundle, verify_bundle_insecurely
from numseal.verify.presentation import verify_presentation
from numseal.verify.report import ExitCode, Outcome, Report, Step

__all__ = [
    "AttestationError",
    "ExitCode",
    "Outcome",
    "PublicKeys",
    "Report",
    "Step",
    "verify_bundle",
    "verify_bundle_insecurely",
    "verify_presentation",
]
