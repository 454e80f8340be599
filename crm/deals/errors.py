"""Errors of this app."""

from django.utils.translation import gettext_noop

from crm.core.errors import Conflict, NotFound


class DealNotFound(NotFound):
    code = "deal_not_found"
    message = gettext_noop("There is no such deal, or you may not see it.")


class PipelineInUse(Conflict):
    """Deals stand in the pipeline or stage, or it is the last one of its kind."""

    code = "pipeline_in_use"
    message = gettext_noop("This is still needed. Move its deals elsewhere first.")


class PipelineNotFound(NotFound):
    code = "pipeline_not_found"
    message = gettext_noop("There is no such pipeline. Load the page again.")


class StageNotFound(NotFound):
    code = "stage_not_found"
    message = gettext_noop("There is no such stage. Load the page again.")


class TooManyPipelines(Conflict):
    code = "too_many_pipelines"
    message = gettext_noop("There are 50 pipelines, which is the most. Delete one first.")


class TooManyStages(Conflict):
    code = "too_many_stages"
    message = gettext_noop("The pipeline has 30 stages, which is the most. Delete one first.")
