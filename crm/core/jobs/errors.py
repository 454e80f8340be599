"""Errors of jobs."""

from django.utils.translation import gettext_noop

from crm.core.errors import Conflict, Forbidden, NotFound, TooFast


class JobNotFound(NotFound):
    code = "job_not_found"
    message = gettext_noop("There is no such background task, or you may not see it.")


class JobBusy(Conflict):
    code = "job_busy"
    message = gettext_noop(
        "The task is in the middle of a step. Wait some seconds and cancel it again."
    )


class JobNotUndoable(Conflict):
    code = "job_not_undoable"
    message = gettext_noop(
        "This task cannot be undone: it did nothing that could be, is not finished, was undone "
        "before, or ended too long ago."
    )


class JobFileNotFound(NotFound):
    code = "job_file_not_found"
    message = gettext_noop(
        "The task has no such file: it is not finished, or the file was deleted in the meantime."
    )


class TooManyDownloads(TooFast):
    code = "too_many_downloads"
    message = gettext_noop(
        "You are downloading several files already. Wait until one of them is complete."
    )


class TooManyJobs(Conflict):
    code = "too_many_jobs"
    message = gettext_noop(
        "Several tasks of this kind are running already. Wait until one is finished, or cancel one."
    )


class StarterGone(Forbidden):
    code = "job_starter_gone"
    message = gettext_noop(
        "Whoever started this has no access to the organization any more, so it was stopped."
    )


class JobGaveUp(Conflict):
    code = "job_gave_up"
    message = gettext_noop(
        "The task was interrupted several times and made no progress, so it was stopped. The fault "
        "was recorded; start it again later."
    )
