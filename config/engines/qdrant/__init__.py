"""A local process that answers the part of Qdrant's REST API which `qdrant-client` sends.

The work is done by Qdrant's own core (`qdrant-edge-py`). What is not known here is refused.
"""
