"""Errors of this app."""

from django.utils.translation import gettext_noop

from crm.core.errors import NotFound


class CustomerNotFound(NotFound):
    code = "customer_not_found"
    message = gettext_noop("There is no such customer, or you may not see them.")


class CompanyNotFound(NotFound):
    code = "company_not_found"
    message = gettext_noop("There is no such company, or you may not see it.")
