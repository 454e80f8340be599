"""Send rate of one socket; the limits of a visitor are in ``settings.RATE_LIMITS``."""

# Frames of any kind on one socket. A client that comes back sends its outbox in one go.
FRAME_BURST, FRAMES_PER_SECOND = 60.0, 20.0
# Changes of a typing sign on one socket; each is told to everybody who follows the stream.
TYPING_BURST, TYPING_PER_SECOND = 10.0, 1.0
# Refusals for being too fast, after which the socket is closed.
FLOOD_BURST, FLOOD_PER_SECOND = 200.0, 5.0
# Frames that the protocol does not know, after which the socket is closed.
ERROR_BURST, ERRORS_PER_SECOND = 5.0, 0.1
# Frames that wait for their turn on one socket.
MAX_RECEIVED = 120
