"""A walk that calls each operation of the API once, in an order in which each can succeed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from crm.core.ids import uuid7
from tests.api.generated_clients import Client


def walk(client: Client, *, email: str, password: str) -> Iterator[str]:
    """Call everything, and give the name of each operation that was called."""
    called: list[str] = []

    def call(operation: str, body: Any = None, **parameters: Any) -> Any:
        called.append(operation)
        given = {name.replace("__", "-"): value for name, value in parameters.items()}
        return client.call(operation, given, body)

    client.token = ""
    tokens = call("tokens_create", {"email": email, "password": password})
    tokens = call("tokens_refresh", {"refresh_token": tokens["refresh_token"]})
    client.token, client.scheme = tokens["access_token"], "accessToken"
    _organization(call)
    _knowledge(call)
    _customers(call)
    _companies(call)
    _deals(call)
    _umbrellas(call)
    _notifications(call)
    job = call("jobs_list", limit=100)["results"][0]["id"]
    call("jobs_get", job_id=job)
    call("jobs_cancel", job_id=job)
    changed = call("jobs_list", kind="records.bulk", state="done", limit=1)["results"][0]["id"]
    call("jobs_undo", job_id=changed)
    _imports(call)
    done = call("jobs_list", kind="transfer.export", state="done")["results"][0]["id"]
    assert call("jobs_get_file", job_id=done, name="result").startswith(b'"Name"')
    widget = _widgets(call)
    conversation = call("conversations_list", limit=1)["results"][0]["id"]
    stream = f"conversation:{conversation}"
    _conversation(call, conversation)
    _stream(call, stream)
    _visitor(client, call, widget, tokens["access_token"])
    _jobs(call)
    _billing(call)
    client.token = ""
    call("tokens_revoke", {"refresh_token": tokens["refresh_token"]})
    yield from called


def _organization(call: Any) -> None:
    me = call("me_get")
    call("me_update", {"language": me["user"]["language"]})
    call("organization_get")
    call("organization_update", {"timezone": "Asia/Ho_Chi_Minh"})
    member = call("members_list", limit=1)["results"][0]["id"]
    call("members_get", member_id=member)
    key = call("api_keys_create", {"name": "Client", "scopes": ["inbox:read"]})["id"]
    call("api_keys_list", limit=100)
    call("api_keys_rotate", key_id=key)
    call("api_keys_revoke", key_id=key)
    hold = call("legal_holds_create", {"reason": f"Case {uuid7()}."})["id"]
    call("legal_holds_list")
    call("legal_holds_lift", {"reason": "Closed."}, hold_id=hold)
    call("audit_list", limit=20)


def _knowledge(call: Any) -> None:
    faq = {"question": f"Is it {uuid7()}?", "answer": "Yes.", "language": "en"}
    made = call("faqs_create", faq, Idempotency__Key=str(uuid7()))["id"]
    call("faqs_get", faq_id=made)
    call("faqs_update", {"answer": "No."}, faq_id=made, If__Match="*")
    call("faqs_list", search="is it", ordering="-updated_at")
    hidden = call("faqs_bulk", {"action": "hide", "ids": [made]}, Idempotency__Key=str(uuid7()))
    call("undo_create", action_id=hidden["undo_id"])
    call("faqs_delete", faq_id=made)
    _views(call, "faqs")
    shelf = {"name": f"Delivery {uuid7()}", "names": {"vi": "Giao hàng"}}
    kept = call("categories_create", shelf, Idempotency__Key=str(uuid7()))["id"]
    call("categories_get", category_id=kept)
    call("categories_update", {"names": {"ru": "Доставка"}}, category_id=kept, If__Match="*")
    call("categories_list", ordering="name")
    call("categories_delete", category_id=kept)


def _customers(call: Any) -> None:
    made = call("customers_create", {"name": "Minh", "stage": "customer"})["id"]
    call("customers_get", customer_id=made)
    call("customers_update", {"phone": "+84 24 1234 5678"}, customer_id=made)
    call("customers_bulk", {"action": "language", "language": "vi", "ids": [made]})
    call("customers_list", stage="customer", limit=100)
    call("exports_create", {"record": "customers", "search": "Minh"}, Idempotency__Key=str(uuid7()))
    _timeline(call, "customers", customer_id=made)
    _views(call, "customers")


def _companies(call: Any) -> None:
    made = call("companies_create", {"name": "Sen Trang", "domain": "sentrang.example"})["id"]
    call("companies_get", company_id=made)
    call("companies_update", {"tax_code": "0401234567", "owner_id": None}, company_id=made)
    call("companies_bulk", {"action": "owner", "owner_id": None, "ids": [made]})
    call("companies_list", search="sen", ordering="name", limit=100)
    _timeline(call, "companies", company_id=made)
    call("companies_delete", company_id=made)
    _views(call, "companies")


def _deals(call: Any) -> None:
    rate = {"currency": "EUR", "rate": "1.0845", "valid_from": "2026-01-01"}
    made = call("exchange_rates_create", rate)["id"]
    call("exchange_rates_get", exchangerate_id=made)
    call("exchange_rates_update", {"rate": "1.09"}, exchangerate_id=made)
    call("exchange_rates_list", ordering="-valid_from", limit=100)
    _timeline(call, "exchange_rates", exchangerate_id=made)
    _views(call, "exchange_rates")
    reason = call("lost_reasons_create", {"name": "Too far away"})["id"]
    call("lost_reasons_get", lostreason_id=reason)
    call("lost_reasons_update", {"position": 9}, lostreason_id=reason)
    call("lost_reasons_list", ordering="position", limit=100)
    _views(call, "lost_reasons")
    pipeline = call("pipelines_create", {"name": f"Hotels {uuid7()}"})
    call("pipelines_list", ordering="name", limit=100)
    call("pipelines_update", {"position": 2}, pipeline_id=pipeline["id"])
    stage = call("stages_create", {"name": "Tasting"}, pipeline_id=pipeline["id"])["id"]
    call("stages_get", stage_id=stage)
    call("stages_update", {"probability": 40, "position": 2}, stage_id=stage)
    deal = call("deals_create", {"name": "Beans", "amount": "120.5", "currency": "EUR"})
    call("deals_get", deal_id=deal["id"])
    call("deals_update", {"expected_on": "2026-12-24"}, deal_id=deal["id"])
    call("deals_move", {"column": deal["stage_id"]}, deal_id=deal["id"])
    call("deals_bulk", {"action": "owner", "owner_id": None, "ids": [deal["id"]]})
    call("deals_forecast", group_by="stage", measure="committed")
    call("deals_list", search="beans", ordering="-amount", limit=100)
    _timeline(call, "deals", deal_id=deal["id"])
    _views(call, "deals")
    call("deals_move", {"column": stage}, deal_id=deal["id"])
    call("stages_delete", stage_id=stage, move_to=deal["stage_id"])
    call("pipelines_get", pipeline_id=pipeline["id"])
    call("pipelines_delete", pipeline_id=pipeline["id"], move_to=deal["stage_id"])
    call("deals_delete", deal_id=deal["id"])
    call("lost_reasons_bulk", {"action": "delete", "ids": [reason]})
    again = call("lost_reasons_create", {"name": "Too far away"})["id"]
    call("lost_reasons_delete", lostreason_id=again)
    call("exchange_rates_bulk", {"action": "delete", "ids": [made]})
    again = call("exchange_rates_create", rate)["id"]
    call("exchange_rates_delete", exchangerate_id=again)


def _notifications(call: Any) -> None:
    call("notifications_list", unread=False, limit=10)
    call("notifications_read", {"ids": [str(uuid7())]})
    kinds = call("notifications_settings_get")["kinds"]
    call("notifications_settings_update", {"emailed": [kinds[0]["kind"]]}, If__Match="*")


def _imports(call: Any) -> None:
    """Go through the steps; of what no worker has done before, an earlier import is asked."""
    file = {"record": "customers", "file": b"Name,Email\nAn,an@shop.example\n"}
    made = call("imports_create", file, Idempotency__Key=str(uuid7()))
    assert made["file_name"] == "file.csv"
    assert call("imports_cancel", import_id=made["id"])["state"] == "failed"
    call("imports_read", {"encoding": "utf-8"}, import_id=made["id"])
    call("imports_cancel", import_id=made["id"])
    call("imports_discard", import_id=made["id"])
    parts = {"record": "customers", "file_name": "parts.csv", "size": 8}
    in_parts = call("imports_create", parts)["id"]
    call("imports_add_part", {"number": 0, "part": b"Name\nAn\n"}, import_id=in_parts)
    by_state = {each["state"]: each["id"] for each in call("imports_list", limit=100)["results"]}
    call("imports_get", import_id=by_state["mapping"])
    call("imports_check", {"key": "email"}, import_id=by_state["mapping"])
    call("imports_run", {}, import_id=by_state["checked"], Idempotency__Key=str(uuid7()))
    assert b"Reason" in call("imports_get_faults", import_id=by_state["done"])
    call("imports_undo", {}, import_id=by_state["done"])


def _views(call: Any, record: str) -> None:
    key = str(uuid7())
    sent = {"name": f"View {key}", "where": '{"all": []}'}
    view = call(f"{record}_views_create", sent, Idempotency__Key=key)["id"]
    call(f"{record}_views_get", view_id=view)
    call(f"{record}_views_update", {"name": f"Renamed {key}"}, view_id=view, If__Match="*")
    call(f"{record}_views_default", {"view": view})
    assert [each for each in call(f"{record}_views_list")["results"] if each["is_default"]]
    call(f"{record}_list", view=view)
    call(f"{record}_views_delete", view_id=view, If__Match="*")


def _timeline(call: Any, record: str, **row: str) -> None:
    note = call(f"{record}_notes_create", {"text": "Called back."}, **row)["id"]
    call(f"{record}_notes_get", note_id=note, **row)
    call(f"{record}_notes_update", {"text": "Called back twice."}, note_id=note, **row)
    call(f"{record}_timeline", kind="notes", limit=5, **row)
    call(f"{record}_notes_delete", note_id=note, **row)


def _jobs(call: Any) -> None:
    job = call("jobs_list", state="waiting", limit=1)["results"][0]["id"]
    call("jobs_get", job_id=job)
    call("jobs_cancel", job_id=job)


def _umbrellas(call: Any) -> None:
    made = call("umbrellas_create", {"name": "Big one"})["id"]
    call("umbrellas_get", umbrella_id=made)
    call("umbrellas_update", {"ribs": 16}, umbrella_id=made)
    all_of = {"action": "color", "color": "yellow", "where": '{"all": []}'}
    assert call("umbrellas_bulk", all_of)["state"] == "waiting"
    call("umbrellas_list", limit=100)
    call("umbrellas_move", {"column": "yellow", "after": None}, umbrella_id=made)
    _timeline(call, "umbrellas", umbrella_id=made)
    call("umbrellas_delete", umbrella_id=made)
    _views(call, "umbrellas")


def _widgets(call: Any) -> dict[str, Any]:
    made: dict[str, Any] = call(
        "widgets_create", {"name": "Shop", "allowed_domains": ["shop.example"]}
    )
    call("widgets_get", widget_id=made["id"])
    call("widgets_update", {"color": "#1f6f5c"}, widget_id=made["id"])
    call("widgets_pause", widget_id=made["id"])
    call("widgets_resume", widget_id=made["id"])
    call("widgets_list")
    return made


def _conversation(call: Any, conversation: str) -> None:
    this = {"conversation_id": conversation}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    call("inbox_list", box="all", status="open", limit=100)
    call("inbox_counts")
    agents = call("inbox_agents")["agents"]
    call("inbox_tickets_issue")
    call("inbox_alerts_update", {"sound": False})
    call("conversations_get", **this)
    call("conversations_update", {"labels": ["refund"], "priority": "high"}, **this)
    call("conversations_reopen", {}, **this)
    call("conversations_take_over", {}, **this)
    call("conversations_assign", {"assignee": agents[0]["id"]}, **this)
    call("conversations_snooze", {"until": tomorrow}, **this)
    call("messages_list", limit=100, **this)
    call("messages_create", {"text": "Good morning!", "type": "text"}, **this)
    call("conversations_return_to_bot", {}, **this)
    call("conversations_close", {}, **this)
    call("conversations_reopen", {}, **this)


def _stream(call: Any, stream: str) -> None:
    call("streams_get", stream=stream)
    call("streams_events", stream=stream, after=0, limit=300)
    content = {"content": {"type": "text", "text": "Hello."}}
    posted = call("streams_post", content, stream=stream, Idempotency__Key=f"c-{uuid7().hex}")
    batch = [{"client_message_id": f"b-{uuid7().hex}", **content}]
    assert call("streams_post_batch", {"messages": batch}, stream=stream)["results"][0]["posted"]
    call(
        "streams_edit",
        {"text": "Hello!"},
        stream=stream,
        message_id=posted["message_id"],
        Idempotency__Key=f"e-{uuid7().hex}",
    )
    call("streams_seen", {"seq": posted["seq"]}, stream=stream)
    call("streams_delete", stream=stream, message_id=posted["message_id"])


def _visitor(client: Client, call: Any, widget: dict[str, Any], token: str) -> None:
    client.token = ""
    session = call("widget_sessions_start", {"site_key": widget["site_key"]})
    client.token, client.scheme = session["visitor_token"], "visitorToken"
    call("widget_tickets_issue")
    content = {"content": {"type": "text", "text": "Is anybody there?"}}
    call("streams_open", content, Idempotency__Key=f"o-{uuid7().hex}")
    client.token, client.scheme = token, "accessToken"


def _billing(call: Any) -> None:
    call("usage_get")
    plans = call("plans_get")["plans"]
    present = call("subscription_get")["plan"]
    others = [plan["key"] for plan in plans if plan["is_offered"] and plan["key"] != present]
    call("subscription_change", {"plan": others[-1]})
    call("subscription_cancel")
    call("subscription_resume")
