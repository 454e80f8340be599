"""Metrics of this process; `/metrics` exposes them in the Prometheus text format.

Names carry the prefix ``nf_`` and base units. No label names an organization, a person or a
conversation: their number is unbounded, and they belong in the log. The metrics of workers and
commands are in Redis, see `crm.core.observability.shared_metrics`, because those processes are not
scraped.
"""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# When each series began tells nobody anything, and doubles their number.
disable_created_metrics()

HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

http_request_seconds = Histogram(
    "nf_http_request_seconds",
    "Time from the first middleware to the finished response, by view, method and status.",
    ["view", "method", "status"],
    buckets=HTTP_BUCKETS,
)
ws_connections = Gauge(
    "nf_ws_connections",
    "Sockets open in this process, by kind (widget, inbox).",
    ["kind"],
)
ws_connects_total = Counter(
    "nf_ws_connects_total",
    "Attempts to open a stream session, by kind and result (accepted, or the code of the refusal).",
    ["kind", "result"],
)
ws_close_total = Counter(
    "nf_ws_close_total",
    "Sockets closed, by kind and close code.",
    ["kind", "code"],
)
message_accept_seconds = Histogram(
    "nf_msg_accept_seconds",
    "Time from receiving a message to its durable acknowledgement, by way in (socket, http).",
    ["transport"],
    buckets=HTTP_BUCKETS,
)
ws_resume_total = Counter(
    "nf_ws_resume_total",
    "Streams resumed after a reconnect, by whether the gap was served and why not.",
    ["recovered", "reason"],
)
ws_gap_heals_total = Counter(
    "nf_ws_gap_heals_total",
    "Gaps in a stream that were read again from the log, by what showed them.",
    ["by"],
)
rate_limited_total = Counter(
    "nf_rate_limited_total",
    "Requests refused for being too many, by the limit that they met.",
    ["limit"],
)
