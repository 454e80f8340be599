"""`python -m config.engines.qdrant --port PORT --path FOLDER`."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from config.engines.qdrant.catalog import Catalog
from config.engines.qdrant.routes import Router
from config.engines.qdrant.server import Server

_FLUSH_SECONDS = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description="Answer Qdrant's REST API on loopback.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument(
        "--api-key-file", type=Path, required=True, help="holds what clients send as api-key"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    catalog = Catalog(arguments.path)
    catalog.load()
    server = Server(
        arguments.port, Router(catalog), api_key=arguments.api_key_file.read_text().strip()
    )
    ending = threading.Event()

    def flush_now_and_then() -> None:
        while not ending.wait(_FLUSH_SECONDS):
            catalog.flush()

    flusher = threading.Thread(target=flush_now_and_then, name="flush", daemon=True)
    flusher.start()
    # shutdown() waits for the loop that the signal interrupted, hence the thread.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        ending.set()
        server.server_close()
        flusher.join()
        catalog.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
