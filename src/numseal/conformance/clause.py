"""Where in the contract a check finds its rule: file, element and the sentence itself, quoted."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    """A sentence of the contract: `file` under protos/numseal/api/operator/v1, `element` such as "Message.field".

    `sentence` stands in the element's comment word for word.
    """

    file: str
    element: str
    sentence: str

    @property
    def place(self) -> str:
        """File and element, as "operator.proto, SendCodeRequest.expire_time"."""
        return f"{self.file}, {self.element}"

    def __str__(self) -> str:
        """Return place and sentence."""
        return f"{self.place}: “{self.sentence}”"


def operator(element: str, sentence: str) -> Clause:
    """Quote operator.proto."""
    return Clause("operator.proto", element, sentence)


def subscriber(element: str, sentence: str) -> Clause:
    """Quote subscriber.proto."""
    return Clause("subscriber.proto", element, sentence)


def event(element: str, sentence: str) -> Clause:
    """Quote event.proto."""
    return Clause("event.proto", element, sentence)
