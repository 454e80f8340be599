"""The pages under /app/settings/, in display order.

A page is added by one entry here, a template that extends ``settings/base.html`` and
``active_page`` (the entry's key) in its context.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from crm.core.permissions import WRITE, Module, Principal
from crm.core.search.hits import Page, register_pages
from crm.organizations.models import Membership


def anybody(membership: Membership | None) -> bool:
    """Return True: the page is offered to every logged-in user, also without an organization."""
    return True


def any_member(membership: Membership | None) -> bool:
    return bool(membership)


def settings_manager(membership: Membership | None) -> bool:
    return bool(membership and membership.may(Module.SETTINGS, WRITE))


def settings_reader(membership: Membership | None) -> bool:
    return bool(membership and membership.may(Module.SETTINGS))


def billing_reader(membership: Membership | None) -> bool:
    return bool(membership and membership.may(Module.BILLING))


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """One entry: ``key`` is the context's ``active_page``, ``url_name`` its URL.

    ``is_offered`` only hides the entry; the page itself checks the permission.
    """

    key: str
    url_name: str
    icon: str
    label: Promise
    description: Promise
    is_offered: Callable[[Membership | None], bool] = anybody


@dataclass(frozen=True, slots=True)
class SettingsGroup:
    title: Promise
    pages: tuple[SettingsPage, ...]

    def offered_to(self, membership: Membership | None) -> list[SettingsPage]:
        return [page for page in self.pages if page.is_offered(membership)]


MENU = (
    SettingsGroup(
        pgettext_lazy("settings", "You"),
        (
            SettingsPage(
                "profile",
                "organizations:profile",
                "user",
                _("Profile"),
                _("Name, phone, language and time zone."),
            ),
            SettingsPage(
                "email",
                "account_email",
                "mail",
                _("Email address"),
                _("The address you log in with."),
            ),
            SettingsPage(
                "security",
                "mfa_index",
                "lock",
                _("Security"),
                _("Password, second factor, passkeys and linked accounts."),
            ),
            SettingsPage(
                "sessions",
                "authentication:sessions",
                "device-desktop",
                _("Active sessions"),
                _("Browsers and programs, and how to log them out."),
            ),
            SettingsPage(
                "notifications",
                "chat:notifications",
                "bell",
                _("Chat notifications"),
                _("Sound, desktop notifications and emails when a customer waits."),
                any_member,
            ),
            SettingsPage(
                "notification_kinds",
                "notifications:preferences",
                "inbox",
                _("Notifications"),
                _("Which notifications you get, in the application and by email."),
                any_member,
            ),
            SettingsPage(
                "jobs",
                "jobs:list",
                "clock",
                _("Background tasks"),
                _("Exports and other long work: progress, files, reports."),
                any_member,
            ),
        ),
    ),
    SettingsGroup(
        _("Organization"),
        (
            SettingsPage(
                "organization",
                "organizations:organization",
                "building",
                pgettext_lazy("settings", "General"),
                _("Name, language and time zone of the organization."),
                any_member,
            ),
            SettingsPage(
                "exchange-rates",
                "organizations:exchange_rates:list",
                "coin",
                _("Exchange rates"),
                _("What other currencies are worth in your own one."),
                settings_reader,
            ),
            SettingsPage(
                "pipelines",
                "deals:pipelines",
                "columns",
                _("Pipelines"),
                _("The stages that deals go through, and when they rot."),
                settings_reader,
            ),
            SettingsPage(
                "lost-reasons",
                "deals:lost_reasons:list",
                "alert-triangle",
                _("Reasons for losses"),
                _("What is chosen from when a deal is lost."),
                settings_reader,
            ),
            SettingsPage(
                "members",
                "organizations:members",
                "user-plus",
                _("Members"),
                _("Who works here and who is invited."),
                settings_reader,
            ),
            SettingsPage(
                "teams",
                "organizations:teams",
                "users",
                _("Teams"),
                _("Who works together, and who leads."),
                settings_reader,
            ),
            SettingsPage(
                "roles",
                "organizations:roles",
                "shield-lock",
                _("Roles"),
                _("What each role sees and changes, area by area."),
                settings_reader,
            ),
            SettingsPage(
                "plan_and_usage",
                "billing:plan_and_usage",
                "credit-card",
                _("Plan and usage"),
                _("What the plan allows, and what is used of it."),
                billing_reader,
            ),
            SettingsPage(
                "audit",
                "compliance:audit",
                "history",
                _("Audit"),
                _("Who did what here, and when."),
                settings_manager,
            ),
            SettingsPage(
                "legal_holds",
                "compliance:holds",
                "lock",
                _("Legal holds"),
                _("What must not be erased, and why."),
                settings_manager,
            ),
            SettingsPage(
                "log_in_rules",
                "authentication:log_in_rules",
                "clock",
                _("Log-in rules"),
                _("How long people stay logged in."),
                settings_reader,
            ),
            SettingsPage(
                "api_keys",
                "authentication:api_keys_page",
                "key",
                _("API keys"),
                _("What programs get in with, and how far they may go."),
                settings_reader,
            ),
            SettingsPage(
                "widgets",
                "chat:widgets",
                "message-circle",
                _("Widgets"),
                _("The chat on your sites: look, texts, and where it may appear."),
                settings_reader,
            ),
            SettingsPage(
                "visitor_identity",
                "chat:visitor_identity",
                "fingerprint",
                _("Visitor identity"),
                _("How your site proves to the chat who its visitor is."),
                settings_reader,
            ),
        ),
    ),
)


@register_pages
def settings_pages(by: Principal) -> Iterator[Page]:
    """Return the settings for the search over everything."""
    membership = by if isinstance(by, Membership) else None
    yield Page(
        str(gettext("Settings")), reverse("organizations:settings"), "settings", is_main=True
    )
    for group in MENU:
        for page in group.offered_to(membership):
            yield Page(str(page.label), reverse(page.url_name), page.icon)
