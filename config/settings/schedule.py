"""The queue of each Celery task, and beat's schedule in seconds."""

from typing import Any

CELERY_TASK_ROUTES = {
    "core.sweep": {"queue": "realtime"},
    "core.fold_stored_text": {"queue": "bulk"},
    "chat.answer_with_bot": {"queue": "ai"},
    "chat.reassign": {"queue": "default"},
    "chat.measure_conversations": {"queue": "bulk"},
    "chat.*": {"queue": "realtime"},
    "mail.*": {"queue": "default"},
    "jobs.run": {"queue": "bulk"},
    "jobs.*": {"queue": "default"},
    "notifications.*": {"queue": "bulk"},
    "transfer.*": {"queue": "bulk"},
    "deals.*": {"queue": "bulk"},
    "billing.reconcile": {"queue": "bulk"},
    "billing.*": {"queue": "default"},
    "knowledge.*": {"queue": "default"},
}


def beat_schedule(*, sweep_every: float) -> dict[str, dict[str, Any]]:
    """Return Celery's schedule; ``sweep_every`` is in seconds."""
    schedule: dict[str, dict[str, Any]] = {
        "core.sweep": {"task": "core.sweep", "schedule": sweep_every},
        "chat.wake_snoozed": {"task": "chat.wake_snoozed", "schedule": 30.0},
        "chat.purge_alert_emails": {"task": "chat.purge_alert_emails", "schedule": 86_400.0},
        "knowledge.compare_index": {"task": "knowledge.compare_index", "schedule": 600.0},
        "mail.purge": {"task": "mail.purge", "schedule": 86_400.0},
        "core.fold_stored_text": {"task": "core.fold_stored_text", "schedule": 60.0},
        "core.purge_form_answers": {"task": "core.purge_form_answers", "schedule": 600.0},
        "core.purge_idempotent_requests": {
            "task": "core.purge_idempotent_requests",
            "schedule": 3600.0,
        },
        "authentication.end_lapsed_impersonations": {
            "task": "authentication.end_lapsed_impersonations",
            "schedule": 60.0,
        },
        "authentication.purge_log_ins": {
            "task": "authentication.purge_log_ins",
            "schedule": 86_400.0,
        },
        "authentication.purge_unverified": {
            "task": "authentication.purge_unverified",
            "schedule": 3600.0,
        },
        "compliance.seal": {"task": "compliance.seal", "schedule": 300.0},
        "compliance.anchor": {"task": "compliance.anchor", "schedule": 3600.0},
        "compliance.keep_months": {"task": "compliance.keep_months", "schedule": 86_400.0},
        "deals.follow_rates": {"task": "deals.follow_rates", "schedule": 3600.0},
        "jobs.purge": {"task": "jobs.purge", "schedule": 3600.0},
        "notifications.purge": {"task": "notifications.purge", "schedule": 86_400.0},
        "transfer.purge": {"task": "transfer.purge", "schedule": 86_400.0},
        "knowledge.purge_deleted": {"task": "knowledge.purge_deleted", "schedule": 86_400.0},
        "billing.roll_periods": {"task": "billing.roll_periods", "schedule": 300.0},
        "billing.post_api_calls": {"task": "billing.post_api_calls", "schedule": 60.0},
        "billing.reconcile": {"task": "billing.reconcile", "schedule": 3600.0},
        "chat.purge_visits": {"task": "chat.purge_visits", "schedule": 3600.0},
        "chat.measure_conversations": {"task": "chat.measure_conversations", "schedule": 3600.0},
    }
    # One through each queue: only a task that arrives proves that somebody consumes.
    return schedule | {
        f"operations.canary.{queue}": {
            "task": "operations.canary",
            "schedule": 30.0,
            "args": [queue],
            "options": {"queue": queue},
        }
        for queue in ("realtime", "default", "ai", "bulk")
    }
