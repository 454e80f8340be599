"""django-allauth's views under our own URLs, with allauth's names and no namespace.

Listed one by one: other views of allauth are not available.
"""

from collections.abc import Iterable

from allauth.account import views as account
from allauth.account.decorators import reauthentication_required
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.socialaccount import views as social
from allauth.urls import build_provider_urlpatterns
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.cache import never_cache

from crm.authentication.first_step import in_fresh_log_in
from crm.authentication.views import login
from crm.authentication.views.allauth import (
    AddressView,
    ConfirmAddressView,
    RemovePasskeyView,
    in_turn,
)
from crm.core.form_guard.anonymous import once_for_anyone

_SETTINGS = "app/settings/"
_security = f"{_SETTINGS}security"

urlpatterns = [
    path("login/", login.log_in_page, name="account_login"),
    path("logout/", login.log_out_now, name="account_logout"),
    path("login/inactive/", account.account_inactive, name="account_inactive"),
    path("login/second-step/", once_for_anyone(mfa.authenticate), name="mfa_authenticate"),
    path("login/passkey/", login.log_in_by_passkey, name="mfa_login_webauthn"),
    path("signup/", once_for_anyone(account.signup), name="account_signup"),
    path("verify/", account.email_verification_sent, name="account_email_verification_sent"),
    re_path(
        r"^verify/(?P<key>[-:\w]{1,200})/$",
        once_for_anyone(ConfirmAddressView.as_view()),
        name="account_confirm_email",
    ),
    path("password/reset/", once_for_anyone(account.password_reset), name="account_reset_password"),
    path("password/reset/sent/", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/reset/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/reset/(?P<uidb36>[0-9A-Za-z]{1,32})-(?P<key>[-\w]{1,100})/$",
        once_for_anyone(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path("confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("confirm/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("confirm/passkey/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path(f"{_SETTINGS}email/", AddressView.as_view(), name="account_email"),
    path(f"{_security}/", mfa.index, name="mfa_index"),
    path(f"{_security}/password/", account.password_change, name="account_change_password"),
    path(
        f"{_security}/password/set/",
        reauthentication_required(app="allauth.account")(account.password_set),
        name="account_set_password",
    ),
    path(f"{_security}/app/", totp.activate_totp, name="mfa_activate_totp"),
    path(f"{_security}/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path(f"{_security}/codes/", recovery.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        f"{_security}/codes/new/",
        recovery.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path(
        f"{_security}/codes/download/",
        recovery.download_recovery_codes,
        name="mfa_download_recovery_codes",
    ),
    path(f"{_security}/passkeys/", webauthn.list_webauthn, name="mfa_list_webauthn"),
    path(f"{_security}/passkeys/add/", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path(
        f"{_security}/passkeys/<int:pk>/remove/",
        RemovePasskeyView.as_view(),
        name="mfa_remove_webauthn",
    ),
    path(f"{_security}/passkeys/<int:pk>/name/", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path(f"{_security}/linked/", social.connections, name="socialaccount_connections"),
    path("login/with/", include(build_provider_urlpatterns())),
    path("login/with/cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("login/with/error/", social.login_error, name="socialaccount_login_error"),
    path("signup/with/", once_for_anyone(social.signup), name="socialaccount_signup"),
]


def _guard(patterns: Iterable[URLPattern | URLResolver]) -> None:
    """Add ``Cache-Control: no-store`` to every page: allauth sets it on a few only; lead to the
    log-in where one of a moment ago is needed; and let a person's submissions of the settings'
    forms take turns.
    """
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            _guard(pattern.url_patterns)
            continue
        view = pattern.callback
        if str(pattern.pattern).startswith(_SETTINGS):
            view = in_turn(view)
        pattern.callback = never_cache(in_fresh_log_in(view))


_guard(urlpatterns)
