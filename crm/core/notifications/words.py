"""The unread count in words."""

from crm.core.notifications.services import MAX_COUNTED


def count_words(count: int) -> str:
    """Return the count as the bell shows it, empty for none."""
    if not count:
        return ""
    return f"{MAX_COUNTED}+" if count > MAX_COUNTED else str(count)
