"""Users."""

from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.ids import uuid7
from crm.core.text.addresses import normalize_email
from crm.core.text.fields import AddressField, LineField, PhoneField
from crm.core.text.folding import joined_words, search_key
from crm.core.text.normalization import normalize_password
from crm.core.text.person_names import short_name
from crm.core.timezones import TimeZoneField
from crm.core.versions import VersionedModel


class Language(models.TextChoices):
    ENGLISH = "en", _("English")
    VIETNAMESE = "vi", _("Vietnamese")
    RUSSIAN = "ru", _("Russian")


class UserManager(BaseUserManager["User"]):
    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the normalized address: two accounts never differ in its spelling only."""
        return normalize_email(email or "")

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=self.normalize_email(username))

    async def aget_by_natural_key(self, username: str | None) -> "User":
        return await self.aget(email=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.full_clean()
        user.save(using=self._db)
        return user

    def reachable_at(self, email: str) -> "models.QuerySet[User]":
        """Return active users with this verified address, or created with it by an operator."""
        is_proved = models.Q(emailaddress__email=email, emailaddress__verified=True)
        is_vouched_for = models.Q(email=email, emailaddress__isnull=True)
        return self.filter(is_proved | is_vouched_for, is_active=True).distinct()

    def holding(self, email: str) -> "models.QuerySet[User]":
        """Return the user with this address; pending, unverified changes do not count."""
        is_proved = models.Q(emailaddress__email=email, emailaddress__verified=True)
        return self.filter(models.Q(email=email) | is_proved).distinct()

    def never_confirmed(self) -> "models.QuerySet[User]":
        """Return users who signed up, never verified their address and never logged in."""
        return self.filter(
            last_login__isnull=True, memberships__isnull=True, emailaddress__verified=False
        ).distinct()

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(VersionedModel, AbstractBaseUser, PermissionsMixin):
    """A person who logs in; their permissions are defined by their memberships."""

    # What the profile does not show: it changes as people log in.
    version_ignores: ClassVar[frozenset[str]] = frozenset(
        {
            "last_login",
            "password",
            "metadata",
            "email",
            "is_active",
            "is_staff",
            "is_superuser",
            "access_from",
            "search_text",
        }
    )

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = AddressField(_("email address"), max_length=255, unique=True)
    name = LineField(pgettext_lazy("person", "name"), max_length=255)
    phone = PhoneField(_("phone"), max_length=50, blank=True)
    language_code = models.CharField(
        _("language"), max_length=10, choices=Language, default=Language.ENGLISH
    )
    timezone = TimeZoneField(_("time zone"), max_length=50, default="UTC")
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("may enter the operator's admin"), default=False)
    metadata = models.JSONField(default=dict, blank=True)
    # Name and address, folded.
    search_text = models.TextField(default="", editable=False)
    # Whatever granted access before this moment is void; None: nothing is.
    access_from = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        indexes = [models.Index(fields=["created_at"], name="users_by_age")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")),
                name="user_email_is_lower_case",
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the user together with the search text."""
        text = search_key(f"{self.name} {normalize_email(self.email)}")
        # "O'Brien" and "Anna-Maria" are found by whoever leaves the sign out, too.
        text = " ".join([text, *joined_words(text)])
        if text != self.search_text:
            self.search_text = text
            if (fields := kwargs.get("update_fields")) is not None:
                kwargs["update_fields"] = {*fields, "search_text"}
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        self.email = User.objects.normalize_email(self.email)

    def set_password(self, raw_password: str | None) -> None:
        if isinstance(raw_password, str):
            raw_password = normalize_password(raw_password)
        super().set_password(raw_password)

    def check_password(self, raw_password: str | None) -> bool:
        """Return whether this is the password, in any Unicode composition.

        A hash of the text as typed is tried too, and replaced.
        """
        if raw_password is None:
            return super().check_password(None)
        normalized = normalize_password(raw_password)
        if super().check_password(normalized):
            return True
        if normalized == raw_password or not super().check_password(raw_password):
            return False
        self.set_password(normalized)
        # Another hash of the same password, as where Django renews one: no change of it.
        self._password = None
        self.save(update_fields=["password"])
        return True

    async def acheck_password(self, raw_password: str | None) -> bool:
        return await sync_to_async(self.check_password)(raw_password)

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return short_name(self.name, self.language_code)
