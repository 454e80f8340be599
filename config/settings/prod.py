"""Settings of production: behind TLS, every secret from the environment."""

from config.settings.base import *  # noqa: F403  a settings module is the base plus its differences
from config.settings.base import env

DEBUG = False
_https = env.bool("HTTPS", default=True)
SECURE_SSL_REDIRECT = _https
# Probes and the metrics scraper come from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^health$", r"^ready$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31_536_000) if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
# The prefix makes browsers refuse a cookie that a sibling host or a plain connection set.
SESSION_COOKIE_NAME = "__Host-sessionid" if _https else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if _https else "csrftoken"
LANGUAGE_COOKIE_SECURE = _https
LANGUAGE_COOKIE_NAME = "__Host-language" if _https else "django_language"
MESSAGES_COOKIE_NAME = "__Host-messages" if _https else "messages"
