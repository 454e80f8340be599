"""A local server of the part of Qdrant's REST API that `qdrant-client` uses.

It is based on Qdrant's own core (`qdrant-edge-py`). Anything else is rejected.
"""
