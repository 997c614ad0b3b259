"""How alive the operators' streams of events are, in memory: a restart has heard nothing yet."""

from types import MappingProxyType

from numseal.domain.binding import NEVER_HEARD, Stream


class StreamHealth:
    """Owns the last sign of life of every stream; written by those who take events, read by those who answer."""

    def __init__(self) -> None:
        """Begin with no stream heard."""
        self._streams: dict[str, Stream] = {}
        self.streams = MappingProxyType(self._streams)

    def begin(self, operator_id: str, since: int) -> None:
        """Tell that a stream goes on without a gap since a time, Unix seconds; what was heard before stays heard."""
        heard = self._streams.get(operator_id, NEVER_HEARD).heard
        self._streams[operator_id] = Stream(since, heard)

    def heard(self, operator_id: str, time: int) -> None:
        """Tell that a stream, everything in it applied, showed life at a time, Unix seconds."""
        stream = self._streams.get(operator_id, NEVER_HEARD)
        self._streams[operator_id] = Stream(stream.since, max(stream.heard, time))
