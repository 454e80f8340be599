"""Who belongs to which organization, and as what."""

from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from config.ids import uuid7
from crm.accounts.managers import MembershipQuerySet
from crm.accounts.models.organization import Organization
from crm.accounts.models.user import User


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Administrator")
    SUPERVISOR = "supervisor", _("Supervisor")
    AGENT = "agent", _("Agent")
    VIEWER = "viewer", _("Viewer")


class Membership(models.Model):
    """A user's place in one organization; every request runs as one of these."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.AGENT)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = MembershipQuerySet.as_manager()

    organization_id: UUID
    user_id: UUID

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"], name="one_membership_per_user_and_organization"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.organization} · {self.get_role_display()}"

    @property
    def may_answer(self) -> bool:
        """Whether this person may write to customers and change conversations."""
        return self.role != Role.VIEWER

    @property
    def may_manage_knowledge(self) -> bool:
        return self.role in {Role.OWNER, Role.ADMIN, Role.SUPERVISOR}

    @property
    def may_manage_settings(self) -> bool:
        return self.role in {Role.OWNER, Role.ADMIN}
