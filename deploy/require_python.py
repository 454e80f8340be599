"""Refuse an interpreter that the locked wheels were not made for, in one sentence."""

import sys

if sys.version_info[:2] != (3, 11):
    sys.exit(
        f"NextFlow CRM needs Python 3.11, and {sys.executable} is "
        f"{sys.version_info.major}.{sys.version_info.minor}. Install Python 3.11, remove .venv and "
        "run make again, or name it: make up PYTHON=/path/to/python3.11"
    )
