"""The errors of this room, all under `TlogError`; their text is a sentence fit for people.

Only exception classes live here. Anything handed in from outside ends in one of these, never in another
exception.
"""


class TlogError(ValueError):
    """Root of every refusal in this room."""


class FrontierError(TlogError):
    """Refuse a frontier whose hashes do not fit its size."""


class ProofError(TlogError):
    """Refuse an inclusion or consistency proof, or a proof text."""


class TileError(TlogError):
    """Refuse a tile, an entry bundle or a path of one."""


class NoteError(TlogError):
    """Refuse a signed note or a verifier key that is not in the C2SP signed-note form."""


class SignatureError(NoteError):
    """Refuse a well-formed note: a signature of a known key is wrong, or none is by a known key."""


class CheckpointError(TlogError):
    """Refuse a checkpoint whose lines or origin are not what they must be."""
