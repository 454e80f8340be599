"""Errors of billing."""

from django.utils.translation import gettext_noop

from crm.core.errors import Conflict, Forbidden, Invalid


class PlanNotFound(Invalid):
    code = "plan_not_found"
    message = gettext_noop("There is no such plan. Choose one of the plans that are listed.")


class PlanNotOffered(Forbidden):
    code = "plan_not_offered"
    message = gettext_noop("This plan is given by the operator of the installation. Ask them.")


class SamePlan(Conflict):
    code = "same_plan"
    message = gettext_noop("The organization has this plan already.")


class UseOverLimits(Conflict):
    """``quotas`` maps each metric to the ``used`` amount and the new plan's ``limit``."""

    code = "use_over_limits"
    message = gettext_noop(
        "More is in use than that plan allows. Bring it down first, then change the plan."
    )


class NothingToCancel(Conflict):
    code = "nothing_to_cancel"
    message = gettext_noop("There is nothing to cancel: the plan is free, or ends already.")


class NothingToResume(Conflict):
    code = "nothing_to_resume"
    message = gettext_noop("There is nothing to cancel: no plan change is pending.")
