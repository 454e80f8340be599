"""The page with every component in its states, for whoever builds pages; in development only."""

import re
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.core.forms import EmailInput, Form
from crm.core.permissions.requests import member_required

SAMPLES = (
    ("en", "The quick brown fox jumps over the lazy dog, 0123456789."),
    ("vi", "Chị Đặng Thị Bưởi gửi đơn hàng số 4711 tới Quảng Ngãi rồi nhé!"),
    ("ru", "Съешь же ещё этих мягких французских булок, да выпей чаю: № 42."),
)
_SYMBOL = re.compile(r'<symbol id="([a-z0-9-]+)"')
_COLOR = re.compile(r"--nf-([a-z0-9-]+): #")


class _SampleForm(Form):
    name = forms.CharField(
        help_text="As people are called.", widget=forms.TextInput(attrs={"class": "form-control"})
    )
    email = forms.EmailField(widget=EmailInput(attrs={"class": "form-control"}))
    language = forms.ChoiceField(
        choices=settings.LANGUAGES, widget=forms.Select(attrs={"class": "form-select"})
    )
    note = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"class": "form-control", "rows": 3})
    )
    agrees = forms.BooleanField(
        required=False, widget=forms.CheckboxInput(attrs={"class": "form-check-input"})
    )


@require_safe
@member_required
def styleguide(request: HttpRequest) -> HttpResponse:
    """Render the components, once as they are and once refused."""
    if settings.ENVIRONMENT != "development":
        raise Http404
    colors = _COLOR.findall(_source("app/app.css"))
    context = {
        "active_section": "styleguide",
        # Each is there for both themes.
        "colors": list(dict.fromkeys(colors)),
        "samples": SAMPLES,
        "icons": _SYMBOL.findall(_source("vendor/tabler-icons/sprite.svg")),
        "form": _SampleForm(initial={"name": "Vũ Khánh Toàn", "agrees": True}),
        "refused": _SampleForm({"email": "nobody"}, auto_id="refused_%s"),
    }
    return render(request, "core/styleguide.html", context)


def _source(name: str) -> str:
    return Path(str(finders.find(name))).read_text()
