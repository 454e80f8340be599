"""`python -m config.engines.qdrant --port PORT --path FOLDER`."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from config.engines.qdrant.routes import Router
from config.engines.qdrant.server import Server


def main() -> int:
    parser = argparse.ArgumentParser(description="Answer Qdrant's REST API on loopback.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    server = Server(arguments.port, Router())
    # shutdown() waits for the loop that the signal interrupted, hence the thread.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
