"""Resources loaded by a site: the launcher script, its settings, and the page in the frame."""

import gzip
import hashlib
import json
import re
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag
from django.utils.translation import get_language_from_request, gettext, override
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from chat.errors import OriginNotAllowed, WidgetNotFound, WidgetPaused
from chat.models import DEFAULT_COLOR, Widget
from chat.services.visitors import active_widget, frame_ancestors, origin_allowed
from chat.services.widgets import record_refused, record_seen
from crm.core.colors import COLOR, ink_on
from crm.core.errors import AppError
from crm.organizations.models import Language

# Short: a site picks up a new version, or a new colour, within minutes and without a new snippet.
FRESH_FOR_SECONDS = 300
_NOT_IN_THE_FRAME = frozenset({"frame.js", "launcher.js", "loader.js"})
THEMES = frozenset({"auto", "light", "dark"})
_CSP_SOURCE = re.compile(r"https?://[A-Za-z0-9.*_:\[\]-]+")


@require_safe
def loader(request: HttpRequest) -> HttpResponse:
    """Return the loader script, the same for every site key."""
    return _script(request, _source("loader.js"))


@require_safe
def settings_script(request: HttpRequest) -> HttpResponse:
    """Return the launcher and the site key's settings as a script.

    A script and not JSON: fetching JSON would need a ``connect-src`` in the site's policy. Errors
    have status 200, because a browser runs no script of a 404 and the site's developer would not
    learn why there is no button.
    """
    language = _language(request)
    try:
        widget = active_widget(request.GET.get("site_key", ""))
        _check_site(request, widget)
    except (WidgetNotFound, WidgetPaused, OriginNotAllowed) as refusal:
        return _settings_script(
            request,
            {"error": {"code": refusal.code, "message": refusal.message}},
            # Whoever corrects it wants to see it at the next reload.
            fresh_for=0,
        )
    color = _color(widget)
    with override(language):
        labels = {
            "chat": widget.text("title", language) or widget.name or gettext("Chat"),
            "open": gettext("Open chat"),
            "close": gettext("Close chat"),
            "unread": gettext("unread"),
        }
    return _settings_script(
        request,
        {
            "color": color,
            "ink": ink_on(color),
            "position": widget.position,
            "labels": labels,
            "style": _source("launcher.css"),
        },
        launcher=_source("launcher.js"),
    )


@require_safe
@xframe_options_exempt
def frame(request: HttpRequest) -> HttpResponse:
    """Render the chat page, which only the widget's own sites may frame."""
    language = _language(request)
    with override(language):
        try:
            widget = active_widget(request.GET.get("site_key", ""))
            _check_site(request, widget)
        except (WidgetNotFound, WidgetPaused, OriginNotAllowed) as refusal:
            return _refusal(request, refusal, language)
        theme = request.GET.get("theme", "")
        response = render(
            request,
            "chat/widget/frame.html",
            {
                "widget": widget,
                "title": widget.text("title", language) or widget.name,
                "color": _color(widget),
                "language": language,
                "given_language": request.GET.get("language", ""),
                "theme": theme if theme in THEMES else "auto",
                "parent_origin": request.GET.get("origin", ""),
                "modules": frame_modules(),
            },
        )
    sources = [source for source in frame_ancestors(widget) if _CSP_SOURCE.fullmatch(source)]
    _allow_frames(response, ["'self'", *sources])
    # Not every browser counts a socket to the same host as 'self'.
    socket_scheme = "wss" if request.is_secure() else "ws"
    response._csp_replace["connect-src"] = [  # type: ignore[attr-defined]
        "'self'",
        f"{socket_scheme}://{request.get_host()}",
    ]
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _color(widget: Widget) -> str:
    return widget.color if COLOR.fullmatch(widget.color) else DEFAULT_COLOR


def _language(request: HttpRequest) -> str:
    wished = request.GET.get("language", "").lower().split("-")[0]
    return wished if wished in Language.values else get_language_from_request(request)


def _check_site(request: HttpRequest, widget: Widget) -> None:
    """Raise OriginNotAllowed for another site; our own pages (demo, preview) are always allowed."""
    origin = request.GET.get("origin", "")
    own = f"{request.scheme}://{request.get_host()}"
    if not origin or origin == own:
        return
    if not origin_allowed(widget, origin):
        record_refused(widget, origin)
        raise OriginNotAllowed
    record_seen(widget, origin)


def _source(name: str) -> str:
    return _path(name).read_text(encoding="utf-8")


def _path(name: str) -> Path:
    found = finders.find(f"chat/widget/{name}")
    return Path(str(found))


def frame_modules() -> list[str]:
    """Return the modules of the first screen, so that the browser can preload them."""
    folder = _path("frame.js").parent
    shared = folder.parent.parent / "stream"
    names = sorted(path.name for path in folder.glob("*.js"))
    return [
        *(f"stream/{path.name}" for path in sorted(shared.glob("*.js"))),
        *(f"chat/widget/{name}" for name in names if name not in _NOT_IN_THE_FRAME),
        "chat/widget/i18n/index.js",
    ]


def _settings_script(
    request: HttpRequest,
    values: dict[str, object],
    *,
    launcher: str = "",
    fresh_for: int = FRESH_FOR_SECONDS,
) -> HttpResponse:
    # Escaped as for a <script> element, although this is a file: it costs nothing.
    text = json.dumps(values, separators=(",", ":")).replace("<", "\\u003c")
    script = f'{launcher}nextflow("settings",{text});\n'
    return _script(request, script, vary="Accept-Language, Accept-Encoding", fresh_for=fresh_for)


def _script(
    request: HttpRequest,
    text: str,
    *,
    vary: str = "Accept-Encoding",
    fresh_for: int = FRESH_FOR_SECONDS,
) -> HttpResponse:
    """Return a public script, compressed if the browser accepts gzip.

    Not by GZipMiddleware: that adds up to 100 random bytes to protect secrets, and there are none
    here.
    """
    body = text.encode()
    etag = quote_etag(hashlib.sha256(body).hexdigest())
    response = HttpResponse(content_type="text/javascript; charset=utf-8")
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body = gzip.compress(body, mtime=0)
        etag = f"W/{etag}"
        response["Content-Encoding"] = "gzip"
    response.content = body
    response["ETag"] = etag
    response["Vary"] = vary
    # Sites that isolate themselves (COEP) load only what says that it may be loaded.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    patch_cache_control(response, public=True, max_age=fresh_for)
    return get_conditional_response(request, etag=etag, response=response) or response


def _refusal(request: HttpRequest, refusal: AppError, language: str) -> HttpResponse:
    response = render(
        request,
        "chat/widget/refusal.html",
        {"message": gettext(refusal.message), "language": language},
        status=refusal.status,
    )
    # Words only: nothing on this page can be clicked, and the site's developer needs to read it.
    _allow_frames(response, ["*"])
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _allow_frames(response: HttpResponse, sources: list[str]) -> None:
    """Allow these sites to frame the page, also those with a COEP.

    A site with a COEP loads only frames that have one too; the page itself loads only from its own
    origin, which every COEP allows.
    """
    response["Cross-Origin-Embedder-Policy"] = "require-corp"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response._csp_replace = {"frame-ancestors": sources}  # type: ignore[attr-defined]
