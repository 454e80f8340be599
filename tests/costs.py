"""What work costs beside the same work on less, in one run: no test knows how fast a machine is."""

import time
from collections.abc import Callable


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """Fail where eight times the size costs far more than eight times the processor's time.

    Quadratic work would cost sixty-four times as much.
    """

    def cost(amount: int) -> float:
        began = time.process_time()
        work(amount)
        return time.process_time() - began

    cost(size // 100)
    small = min(cost(size // 8) for _each in range(3))
    # What is too little to be measured counts as a millisecond.
    assert cost(size) < 24 * max(small, 0.001)
