"""The hidden fields of every form, and the stamp of every page.

The library is a builtin of the templates: `{% csrf_token %}` is this one, so that a form with a
CSRF token also has a once-key and the organization and user that it was rendered for.
"""

import secrets
from typing import Any

from django import template
from django.conf import settings
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.template.base import FilterExpression, Parser, Token
from django.template.context import Context
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from rest_framework.authentication import CSRFCheck

from crm.core.errors import StoreUnavailable
from crm.core.form_guard.errors import FormSentBefore
from crm.core.form_guard.sent_forms import SECRETS, form_of, has_secrets
from crm.core.form_guard.stamps import GUARD_FIELDS, ONCE, ORGANIZATION, PERSON

register = template.Library()
_KEY = "_form_guard_once_key"


class GuardedCsrfTokenNode(CsrfTokenNode):
    def __init__(self, form: FilterExpression | None) -> None:
        super().__init__()
        self.form = form

    def render(self, context: Context) -> SafeString:
        token = SafeString(super().render(context))
        request = context.get("request")
        if not token or not isinstance(request, HttpRequest):
            return token
        found = stamp(request)
        hidden = []
        if _is_admin(request):
            # Of all organizations. A form whose session lapsed comes back to its own person alone.
            hidden = [(PERSON, found.get("person", ""))]
        elif found:
            hidden = [(ORGANIZATION, found["organization"]), (PERSON, found["person"])]
        fields = format_html_join("", '<input type="hidden" name="{}" value="{}">', hidden)
        form = self.form.resolve(context, ignore_failures=True) if self.form else None
        return format_html(
            '{}{}<input type="hidden" name="{}" value="{}"{}>',
            token,
            fields,
            ONCE,
            _once_key(request),
            SafeString(" data-unsent") if _is_unsent(form) else "",
        )


def _is_unsent(form: Any) -> bool:
    """Return whether a form, or what stands for one, shows what was sent and not stored.

    Secrets are not shown again, so nobody loses them.
    """
    if not isinstance(form, BaseForm):
        return bool(form)
    shown = (field.name for field in form.visible_fields())
    return form.is_bound and not SECRETS.issuperset(shown)


@register.tag("csrf_token")
def guarded_csrf_token(parser: Parser, token: Token) -> GuardedCsrfTokenNode:
    """Compile `{% csrf_token %}`, or `{% csrf_token form %}` where a form's values stand in it.

    That form is one which was sent and not stored if it is bound: `static/app/leaving.js` asks
    before its page is left.
    """
    _name, *forms = token.split_contents()
    return GuardedCsrfTokenNode(parser.compile_filter(forms[0]) if forms else None)


@register.simple_tag(takes_context=True)
def page_stamp(context: Context) -> SafeString:
    """Render the stamp for scripts: a `<meta>` that they copy into their headers.

    It also has the largest body that is read, in bytes, and the name of the cookie with the CSRF
    token.
    """
    request = context.get("request")
    found = stamp(request) if isinstance(request, HttpRequest) else {}
    if not found:
        return SafeString()
    return format_html(
        '<meta name="nextflow-stamp" data-organization="{}" data-person="{}" data-max-bytes="{}" '
        'data-csrf-cookie="{}">',
        found["organization"],
        found["person"],
        settings.MAX_BODY_BYTES,
        settings.CSRF_COOKIE_NAME,
    )


@register.inclusion_tag("core/_written.html", takes_context=True)
def written_text(context: Context) -> dict[str, Any]:
    """Render the typed text of a form that was rejected as a whole, for copying.

    Not where the form may be of a foreign page, which would choose the words.
    """
    request, error = context.get("request"), context.get("error")
    if not isinstance(request, HttpRequest) or not _may_be_repeated(request, error):
        return {"written": []}
    return {
        "written": form_of(request).written,
        "is_saved": isinstance(error, FormSentBefore),
    }


@register.inclusion_tag("core/_send_again.html", takes_context=True)
def send_again(context: Context) -> dict[str, Any]:
    """Render a button that sends a form once more which was sent before, under a new once-key.

    Not one with files, which a page cannot fill in.
    """
    request, error = context.get("request"), context.get("error")
    if not isinstance(error, FormSentBefore) or not error.extra.get("location"):
        return {}
    if not isinstance(request, HttpRequest):
        return {}
    form = form_of(request)
    if form.files or not _may_be_repeated(request, error):
        return {"location": error.extra["location"]}
    fields = [(name, value) for name, value in form.fields if name not in GUARD_FIELDS]
    return {
        "location": error.extra["location"],
        "path": form.path,
        "fields": fields,
        "request": request,
        "csrf_token": context.get("csrf_token"),
    }


def _may_be_repeated(request: HttpRequest, error: Any) -> bool:
    return request.method == "POST" and _is_ours(request, error) and not has_secrets(request)


def _is_ours(request: HttpRequest, error: Any) -> bool:
    """Return whether a form came from one of our pages.

    A store that does not answer may refuse a request before this is checked, which needs no store.
    Others who refuse it as early do so for what its body is, which is not read then.
    """
    if getattr(request, "csrf_processing_done", False):
        return True
    if not isinstance(error, StoreUnavailable):
        return False
    check = CSRFCheck(_nothing)
    check.process_request(request)
    return check.process_view(request, _nothing, (), {}) is None


def _nothing(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def stamp(request: HttpRequest) -> dict[str, Any]:
    """Return the organization and the user of a page; empty for anonymous users."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    membership = getattr(request, "membership", None)
    organization = membership.organization_id if membership else ""
    return {"organization": organization, "person": user.pk}


def _once_key(request: HttpRequest) -> str:
    """Return the once-key of this rendering of the page, shared by all of its forms."""
    if not hasattr(request, _KEY):
        setattr(request, _KEY, secrets.token_urlsafe(18))
    return str(getattr(request, _KEY))


def _is_admin(request: HttpRequest) -> bool:
    match = getattr(request, "resolver_match", None)
    return match is not None and match.app_name == "admin"
