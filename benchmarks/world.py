"""The installation that is measured: engines of its own with the state sizes of the budgets.

Kept under var/bench and used again by later runs. Import this before anything of Django: it points
the settings of this process at those engines.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from config import engines
from config.engines.paths import CHECKOUT
from tests.chaos.stack import Stack, own_environment


@dataclass(frozen=True)
class Sizes:
    """How much is stored before anything is measured."""

    messages: int
    conversations: int
    faqs: int

    @property
    def name(self) -> str:
        return f"{self.messages}"


FULL = Sizes(messages=1_000_000, conversations=10_000, faqs=2_000)
QUICK = Sizes(messages=20_000, conversations=1_000, faqs=60)


def folder_of(sizes: Sizes) -> Path:
    return CHECKOUT / "var" / "bench" / sizes.name


def enter(sizes: Sizes) -> Stack:
    """Make this process part of the measured installation: engines running, settings loaded."""
    folder = folder_of(sizes)
    folder.mkdir(parents=True, exist_ok=True)
    # The heartbeat is the product's own; nothing else may differ from what a customer runs.
    stack = Stack(folder, web=1)
    given = own_environment(folder, {"SECRET_KEY": stack.env["SECRET_KEY"]})
    for name in set(os.environ) - set(given):
        del os.environ[name]
    os.environ.update(given)
    engines.start()

    import django

    django.setup()

    from crm.core import tenancy

    # What prepares and counts is nobody's work; what is measured says whose rows it is about.
    tenancy.default_scope = tenancy.OPERATOR
    return stack
