"""The audited models of the apps below: access, permissions, customers, pipelines.

Fields that change with every use are not audited: the last use of a session, key or visitor.
"""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount

from crm.authentication import models as authentication
from crm.billing import models as billing
from crm.compliance.model_tracking import Tracked, track
from crm.compliance.models import LegalHold
from crm.core.models import Note
from crm.customers.models import Customer
from crm.deals import models as deals
from crm.organizations import models as organizations

USER = ("user", "user")


def track_apps_below() -> None:
    track(
        Tracked(
            organizations.Organization,
            "organization",
            plain=(
                "name",
                "slug",
                "language_code",
                "timezone",
                "is_active",
                "requires_second_factor",
                "currency",
            ),
            organization="id",
        ),
        Tracked(
            authentication.SecuritySettings,
            "security",
            plain=("session_hours", "idle_minutes"),
        ),
        Tracked(
            organizations.Membership,
            "member",
            plain=("user", "role", "custom_role", "is_active", "successor"),
            identity="user",
        ),
        Tracked(organizations.CustomRole, "role", plain=("name", "base", "grants")),
        Tracked(organizations.Team, "team", plain=("name", "lead")),
        Tracked(
            organizations.TeamMember,
            "team",
            plain=("membership",),
            identity="team",
            actions={"INSERT": "team.joined", "DELETE": "team.left"},
        ),
        Tracked(
            organizations.Invitation,
            "invitation",
            plain=("role", "custom_role", "accepted_at", "revoked_at"),
            beside=("email",),
            named={"accepted_at": "invitation.accepted", "revoked_at": "invitation.revoked"},
        ),
        Tracked(
            organizations.User,
            "user",
            plain=("is_active", "is_staff", "is_superuser", "language_code", "timezone"),
            beside=("email", "name", "phone"),
            hidden=("password",),
            subject=("user", "id"),
            member="id",
        ),
        Tracked(
            authentication.UserSession,
            "session",
            plain=("ended_because",),
            beside=("device",),
            hidden=("ended_at",),
            subject=USER,
            actor="user",
            named={"ended_at": "session.ended"},
            actions={"INSERT": "session.started", "DELETE": "session.purged"},
        ),
        Tracked(
            authentication.Impersonation,
            "impersonation",
            plain=("may_change", "ends_at", "ended_because"),
            beside=("reason",),
            hidden=("ended_at",),
            subject=USER,
            identity="user",
            actor="operator",
            named={"ended_at": "impersonation.ended"},
            actions={"INSERT": "impersonation.started"},
        ),
        Tracked(
            authentication.TokenFamily,
            "tokens",
            plain=("ended_because",),
            beside=("device",),
            hidden=("ended_at",),
            subject=USER,
            actor="user",
            named={"ended_at": "tokens.ended"},
            actions={"INSERT": "tokens.issued", "DELETE": "tokens.purged"},
        ),
        Tracked(
            authentication.ApiKey,
            "api_key",
            plain=("name", "scopes", "expires_at", "revoked_at"),
            actor="created_by",
            named={"revoked_at": "api_key.revoked"},
        ),
        Tracked(
            authentication.ApiKeySecret,
            "api_key",
            plain=("prefix", "revoked_at"),
            identity="key",
            named={"revoked_at": "api_key.secret_revoked"},
            actions={"INSERT": "api_key.secret_added", "DELETE": "api_key.secret_deleted"},
        ),
        Tracked(
            EmailAddress,
            "address",
            plain=("verified", "primary"),
            beside=("email",),
            subject=USER,
            member="user",
        ),
        Tracked(
            Authenticator,
            "factor",
            plain=("type",),
            hidden=("data",),
            member="user",
        ),
        Tracked(
            SocialAccount,
            "linked_account",
            plain=("provider",),
            beside=("uid",),
            subject=USER,
            member="user",
        ),
        Tracked(
            Customer,
            "customer",
            plain=("stage", "language_code", "verified_at"),
            beside=("name", "email", "phone", "company", "job_title", "external_id"),
            subject=("customer", "id"),
        ),
        Tracked(deals.Pipeline, "pipeline", plain=("name", "position")),
        Tracked(
            deals.Stage,
            "stage",
            plain=("pipeline", "name", "kind", "probability", "rotting_days", "position"),
        ),
        Tracked(deals.LostReason, "lost_reason", plain=("name", "position")),
        # What is written in it stays out of the audit; that it was written does not.
        Tracked(Note, "note", plain=("record", "row_id"), hidden=("text",)),
        Tracked(
            billing.Subscription,
            "subscription",
            plain=("plan", "status", "period_end", "next_plan", "cancelled_at", "renews"),
            named={"cancelled_at": "subscription.cancelled"},
        ),
        Tracked(
            billing.FeatureOverride,
            "override",
            plain=("kind", "name", "limit", "is_enabled", "expires_at", "ended_at"),
            beside=("reason",),
            named={"ended_at": "override.ended"},
        ),
        Tracked(
            billing.QuotaNotice,
            "quota",
            plain=("metric", "level", "limit"),
            identity="metric",
            actions={"INSERT": "quota.reached"},
        ),
        Tracked(
            LegalHold,
            "legal_hold",
            plain=("subject", "lifted_at"),
            beside=("reason", "lift_reason"),
            named={"lifted_at": "legal_hold.lifted"},
            actions={"INSERT": "legal_hold.placed"},
        ),
    )
