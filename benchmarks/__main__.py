"""`python -m benchmarks [name …] [--quick]`: measure the budgets, each beside its floor.

Without a name everything is measured and the table of docs/performance.md is written anew, unless
--quick made the state small. The state is kept under var/bench and used again.
"""

import argparse
import sys
import time
from collections.abc import Callable
from importlib import import_module

from benchmarks import world
from benchmarks.measure import Figure

# In the order in which they disturb each other least.
NAMES = (
    "history",
    "inbox_list",
    "row_security",
    "audit",
    "knowledge",
    "log_in",
    "access",
    "quotas",
    "tasks",
    "messages",
    "rates",
    "idle_sockets",
    "reconcile",
    "first_answer",
    "transfer",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="small state and short loads")
    parser.add_argument("--seed-only", action="store_true", help="fill the stores, measure nothing")
    parser.add_argument("--seconds", type=float, help="how long each rate of `rates` lasts")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"There is no benchmark {', '.join(sorted(unknown))}. Use: {', '.join(NAMES)}")
    sizes = world.QUICK if arguments.quick else world.FULL
    print(
        f"Preparing {sizes.messages} messages, {sizes.conversations} conversations...", flush=True
    )
    measured = world.enter(sizes)
    try:
        seed = import_module("benchmarks.seed")
        report = import_module("benchmarks.report")
        seed.seed(sizes)
        if arguments.seed_only:
            return 0
        figures: list[Figure] = []
        for name in arguments.names or NAMES:
            began = time.monotonic()
            print(f"\n{name}", flush=True)
            run: Callable[..., list[Figure]] = import_module(f"benchmarks.{name}").run
            is_timed = name == "rates" and arguments.seconds is not None
            options = {"seconds": arguments.seconds} if is_timed else {}
            found = run(measured, quick=arguments.quick, **options)
            for figure in found:
                print(report.line(figure), flush=True)
            print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
            figures += found
        report.save(figures, sizes)
        if not arguments.names and not arguments.quick:
            report.write_docs(figures, sizes)
    finally:
        measured.stop_engines()
    return 0


if __name__ == "__main__":
    sys.exit(main())
