"""What this app refuses."""

from config.errors import AppError


class NoOrganization(AppError):
    code = "no_organization"
    status = 403
    message = "You do not belong to an organization yet. Ask an administrator to add you."
