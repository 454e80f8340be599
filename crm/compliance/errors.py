"""Errors of the audit."""

from django.utils.translation import gettext_noop

from crm.core.errors import Conflict, InvalidField, NotFound


class UnderLegalHold(Conflict):
    code = "under_legal_hold"
    message = gettext_noop("A legal hold keeps this. Lift the hold first.")


class HoldNotFound(NotFound):
    code = "legal_hold_not_found"
    message = gettext_noop("There is no such legal hold, or it is lifted already.")


class HoldReasonInvalid(InvalidField):
    message = gettext_noop("Say why, in at most 500 characters.")


class TooManyHolds(Conflict):
    code = "too_many_legal_holds"
    message = gettext_noop("An organization can have 500 legal holds. Lift one first.")


class UnknownHoldSubject(InvalidField):
    message = gettext_noop(
        "There is nobody like that here. Name the organization, a customer or a member of yours."
    )
