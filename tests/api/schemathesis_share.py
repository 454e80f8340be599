"""Loaded by Schemathesis (``SCHEMATHESIS_HOOKS``): sends a share of the requests that it derives.

Of each operation the first, and of the others every third. Which ones the run's turn says.
"""

import os
from collections import Counter

import schemathesis
from schemathesis.generation.meta import TestPhase

TURN = int(os.environ["SCHEMATHESIS_TURN"])
SHARE = 3

_seen: Counter[str] = Counter()


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Return whether a request is sent; those of the other phases are few and are all sent."""
    if case.meta is None or case.meta.phase.name != TestPhase.COVERAGE:
        return True
    number = _seen[case.operation.label]
    _seen[case.operation.label] += 1
    return number == 0 or (number + TURN) % SHARE == 0
