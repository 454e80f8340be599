"""Settings of drf-spectacular (`/api/v1/openapi.json`)."""

from typing import Any

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "NextFlow CRM API",
    "DESCRIPTION": (
        "Conversations, customers, knowledge and people of one organization. Refusals are "
        "`application/problem+json` with a stable `code`; lists are pages with `next_cursor`; a "
        "POST that creates may be repeated under the same `Idempotency-Key`."
    ),
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    # The address that the document came from; generated clients ask for one.
    "SERVERS": [{"url": "/"}],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["crm.core.api.schema.only_this_version"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "TAGS": [
        {"name": "conversations", "description": "The inbox: conversations and their messages."},
        {"name": "customers", "description": "Whom the organization talks to."},
        {"name": "companies", "description": "Whom customers work for."},
        {"name": "deals", "description": "Sales that may come about, in the stages of pipelines."},
        {"name": "pipelines", "description": "Ways in which deals go, from stage to stage."},
        {"name": "lost-reasons", "description": "Why deals are lost, to choose from."},
        {"name": "exchange-rates", "description": "What other currencies are worth, by day."},
        {"name": "knowledge", "description": "What the bot answers from."},
        {"name": "organization", "description": "The organization and who works there."},
        {"name": "jobs", "description": "Long work in the background, and undo."},
        {"name": "imports", "description": "Files that become records."},
        {"name": "notifications", "description": "What a member is told of."},
        {"name": "billing", "description": "The plan, and what is used of it."},
        {"name": "access", "description": "Sessions, tokens and API keys."},
        {"name": "widgets", "description": "The widgets of the organization's sites."},
        {"name": "widget", "description": "What the chat widget of a visitor calls."},
        {"name": "streams", "description": "The stream protocol over HTTP."},
    ],
    # Different choices of one name are told apart by these.
    "ENUM_NAME_OVERRIDES": {
        "CurrencyEnum": "crm.core.money.currency_choices",
        "DeleteEnum": [("delete", "delete")],
        "StageKindEnum": "crm.deals.models.StageKind",
        "JobStateEnum": "crm.core.jobs.models.JobState",
        "ImportStateEnum": "crm.core.transfer.models.ImportState",
    },
    "APPEND_COMPONENTS": {
        "headers": {
            "ETag": {
                "description": "The version of the record; send it as `If-Match` to change or "
                "delete no other version.",
                "schema": {"type": "string"},
            },
            "RateLimit": {
                "description": "What is left of each limit (`r`), and in how many seconds all of "
                "it is (`t`).",
                "schema": {"type": "string"},
            },
            "RateLimit-Policy": {
                "description": "Each limit: requests at once (`q`), earned again in `w` seconds.",
                "schema": {"type": "string"},
            },
        }
    },
}
