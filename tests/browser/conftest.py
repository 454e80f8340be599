"""One Chromium for the browser tests of a module; each test has its own empty profile.

Not for the whole run: Playwright's synchronous API keeps an event loop in this thread, which
asynchronous tests of other modules could not share.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import launch


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Django refuses the ORM beside that loop, although nothing runs in it meanwhile.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = launch(playwright)
        yield browser
        browser.close()
