"""Public health endpoints."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from crm.core.errors import Forbidden, NotAuthenticated
from crm.core.http.exceptions import problem_json
from crm.operations.access import has_metrics_token, is_from_this_machine, is_operator
from crm.operations.deep_health import deep_health
from crm.operations.readiness import readiness_check


@never_cache
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Return 200 without using any store: a store's failure must not restart all web servers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Return 200 when ready or degraded, else 503."""
    readiness = readiness_check().result()
    response = JsonResponse(
        {
            "status": readiness.status,
            "stores": {name: "up" if up else "down" for name, up in readiness.stores.items()},
        },
        status=200 if readiness.takes_traffic else 503,
    )
    if not readiness.takes_traffic:
        response["Retry-After"] = "5"
    return response


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not has_metrics_token(request) and not is_from_this_machine(request):
        return problem_json(
            NotAuthenticated("Send the installation's METRICS_TOKEN as a bearer token.")
        )
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


@never_cache
@require_safe
def health_deep(request: HttpRequest) -> HttpResponse:
    """Write to each store and read it back: 200 when all checks pass, else 503."""
    if not has_metrics_token(request) and not is_operator(request):
        if request.user.is_authenticated:
            return problem_json(Forbidden("Only an operator of the installation may see this."))
        return problem_json(
            NotAuthenticated("Log in as an operator, or send METRICS_TOKEN as a bearer token.")
        )
    found = deep_health()
    return JsonResponse(found.report, status=200 if found.is_sound else 503)
