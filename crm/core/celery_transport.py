"""kombu's Redis transport, with two faults of a lost connection mended.

Both were seen with kombu 5.7.0 when the broker was killed and came back within seconds:

- An acknowledgement that could not be sent kept its message among the delivered ones, and so one of
  the worker's slots for ever. When every slot was lost, the worker consumed nothing more, without
  an error and with its process alive.
- Closing a channel reads the reply of the pending BRPOP first. Where that failed, the channel
  stayed half closed, and the second attempt ended the worker with an ``AttributeError``.
"""

from kombu import transport
from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """Counts the messages that were delivered and not yet acknowledged."""

    channel: "Channel"

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message and free its slot, even if the broker does not answer.

        Such a message stays among Redis' unacknowledged ones, and is delivered again after
        ``visibility_timeout`` seconds: every task may run twice.
        """
        try:
            super().ack(delivery_tag)
        except self.channel.connection_errors:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    QoS = QoS
    connection_errors: tuple[type[Exception], ...]

    def close(self) -> None:
        try:
            super().close()
        except self.connection_errors:
            # The reply of the pending BRPOP is lost; now no reply is awaited.
            super().close()


class Transport(redis.Transport):
    Channel = Channel


def install() -> None:
    """Use this transport for the URLs ``redis://`` and ``rediss://``, in this process."""
    for scheme in ("redis", "rediss"):
        transport.TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
