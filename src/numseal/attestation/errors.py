"""The one error of the attestation formats. No other exception may leave this room on bad input."""


class AttestationError(ValueError):
    """Say what is wrong with an attestation, a key document or a bundle.

    `reason` is UPPER_SNAKE and stable, for programs; the message is a sentence for people.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        """Keep the stable reason beside the sentence."""
        super().__init__(sentence)
        self.reason = reason
