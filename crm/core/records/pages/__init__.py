"""The pages that every record of the kit has: list, page, form, saved views."""

from crm.core.records.pages.urls import record_urls

__all__ = ["record_urls"]
