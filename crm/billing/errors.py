"""What billing refuses, by name."""

from django.utils.translation import gettext_noop

from crm.core.errors import AppError, Invalid


class PlanNotFound(Invalid):
    code = "plan_not_found"
    message = gettext_noop("There is no such plan. Choose one of the plans that are listed.")


class PlanNotOffered(AppError):
    code = "plan_not_offered"
    status = 403
    message = gettext_noop("This plan is given by the operator of the installation. Ask them.")


class SamePlan(AppError):
    code = "same_plan"
    status = 409
    message = gettext_noop("The organization has this plan already.")


class UseOverLimits(AppError):
    """``quotas`` names each metric with what is ``used`` and the new plan's ``limit``."""

    code = "use_over_limits"
    status = 409
    message = gettext_noop(
        "More is in use than that plan allows. Bring it down first, then change the plan."
    )


class NothingToCancel(AppError):
    code = "nothing_to_cancel"
    status = 409
    message = gettext_noop("There is nothing to cancel: the plan is free, or ends already.")


class NothingToResume(AppError):
    code = "nothing_to_resume"
    status = 409
    message = gettext_noop("There is nothing to take back: no change of the plan is waiting.")
