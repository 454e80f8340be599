"""Settings shared by every environment; each value comes from a variable or has a safe default.

`.env.example` lists every variable with its meaning.
"""

from pathlib import Path

import environ
from django.utils.translation import gettext_lazy as _

from config import engines
from config.settings.account_forms import ACCOUNT_FORMS as ACCOUNT_FORMS
from config.settings.account_forms import MFA_FORMS as MFA_FORMS
from config.settings.applications import CONTEXT_PROCESSORS
from config.settings.applications import INSTALLED_APPS as INSTALLED_APPS
from config.settings.applications import MIDDLEWARE as MIDDLEWARE
from config.settings.openapi import SPECTACULAR_SETTINGS as SPECTACULAR_SETTINGS
from config.settings.rates import RATE_LIMIT_DEFAULTS as RATE_LIMIT_DEFAULTS
from config.settings.schedule import CELERY_TASK_ROUTES as CELERY_TASK_ROUTES
from config.settings.schedule import beat_schedule
from crm.core.admin.unfold_settings import UNFOLD as UNFOLD
from crm.core.oauth_settings import json_object, provider_origins, provider_settings
from crm.core.observability.logging_settings import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

# --- The installation ---------------------------------------------------------------------------
SECRET_KEY: str = env.str("SECRET_KEY", default="")
DEBUG = False
ENVIRONMENT: str = env.str("ENVIRONMENT", default="production")
SERVICE_NAME: str = env.str("SERVICE_NAME", default="nextflow")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Proxies in front of the web processes, where they were started with --proxy-headers.
TRUSTED_PROXIES: int = env.int("TRUSTED_PROXIES", default=1)
DEMO_ENABLED: bool = env.bool("DEMO_ENABLED", default=False)
DEMO_PASSWORD: str = env.str("DEMO_PASSWORD", default="nextflow-demo")
LOG_LEVEL: str = env.str("LOG_LEVEL", default="INFO").upper()
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
VAR_DIR: Path = engines.var_dir()

# --- Stores -------------------------------------------------------------------------------------
STORE_URLS = engines.store_urls()
MONGODB_URL = STORE_URLS.mongodb
MONGODB_NAME: str = env.str("DB_MONGODB_NAME", default="nextflow_chat")
MONGODB_POOL_SIZE: int = env.int("MONGODB_POOL_SIZE", default=100)
REDIS_URL = STORE_URLS.redis
QDRANT_URL = STORE_URLS.qdrant
QDRANT_API_KEY: str = engines.qdrant_api_key()
QDRANT_PREFIX: str = env.str("QDRANT_PREFIX", default="")

DATABASES = {"default": environ.Env.db_url_config(STORE_URLS.database)}
# Django's own backend, with row-level security: each statement says whose rows it is about.
DATABASES["default"]["ENGINE"] = "crm.core.database"
# Who owns the tables; migrations alone work as this role.
DATABASES["default"]["OWNER"] = environ.Env.db_url_config(engines.owner_url())
DATABASE_OPERATOR_ROLE: str = env.str("DB_POSTGRES_OPERATOR_ROLE", default="nextflow_operator")
ORGANIZATION_MODEL = "organizations.Organization"
DATABASES["default"]["CONN_MAX_AGE"] = 0
# A connection that a restart of PostgreSQL broke is replaced instead of handed out.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["ATOMIC_REQUESTS"] = False
# Such a cursor outlives its transaction, which neither the lock nor a transaction pooler allows.
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
DATABASES["default"].setdefault("OPTIONS", {})
DB_POSTGRES_POOL_SIZE: int = env.int("DB_POSTGRES_POOL_SIZE", default=16)
DATABASES["default"]["OPTIONS"] |= {
    "pool": {
        "min_size": 1,
        "max_size": DB_POSTGRES_POOL_SIZE,
        "timeout": 10,
    },
    "connect_timeout": 5,
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "nf",
        "OPTIONS": {
            # Plain data as JSON: nothing that stands in Redis is executed.
            "SERIALIZER": "crm.core.cache.JsonSerializer",
            "CLIENT_CLASS": "crm.core.cache.CacheClient",
            "REDIS_CLIENT_CLASS": "crm.core.redis_circuit_breaker.GuardedRedis",
            "SOCKET_CONNECT_TIMEOUT": 2,
            "SOCKET_TIMEOUT": 2,
            # Without Redis there is no cache; sessions are then read from PostgreSQL.
            "IGNORE_EXCEPTIONS": True,
        },
    }
}

CHANNEL_PREFIX = "nf"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "crm.core.channel_layer.ChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": CHANNEL_PREFIX},
    }
}

# --- Applications -------------------------------------------------------------------------------
AUTH_USER_MODEL = "organizations.User"


ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            # Its {% csrf_token %} writes the stamp of the page as well.
            "builtins": ["crm.core.templatetags.form_guard", "crm.core.template_filters"],
            "context_processors": CONTEXT_PROCESSORS,
        },
    }
]

# --- People -------------------------------------------------------------------------------------
PASSWORD_HASHERS = ["crm.authentication.hashing.Hasher"]
# Seconds that a log-in waits for others' hashes.
PASSWORD_HASH_PATIENCE = 5.0
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "crm.authentication.passwords.ObviousPasswordValidator"},
]
# One: each of several would hash a wrong password once more. allauth's own is not needed for its
# providers and passkeys.
AUTHENTICATION_BACKENDS = ["crm.authentication.passwords.PasswordBackend"]
LOGIN_URL = "authentication:log_in"
LOGIN_REDIRECT_URL = "chat:inbox"
# Where pages of an organization lead whoever has none, or lacks the second factor that it asks for.
NO_ORGANIZATION_URL = "authentication:no_organization"
SECOND_FACTOR_URL = "mfa_index"
# Where the first log-in after a sign-up leads.
SETUP_URL = "chat:start"
LOGOUT_REDIRECT_URL = "authentication:log_in"
SESSION_ENGINE = "crm.core.sessions"
# Each organization's own rules end a session before (crm.authentication.models.SecuritySettings).
SESSION_COOKIE_AGE = 30 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

# --- Programs that get in -----------------------------------------------------------------------
# `kid:secret` pairs; the first signs, all are accepted. Without any, SECRET_KEY gives one.
ACCESS_TOKEN_KEYS: list[str] = env.list("ACCESS_TOKEN_KEYS", default=[])
ACCESS_TOKEN_ISSUER: str = env.str("ACCESS_TOKEN_ISSUER", default="nextflow")
ACCESS_TOKEN_SECONDS = 900
# How far the clocks of our own machines may differ.
ACCESS_TOKEN_LEEWAY_SECONDS = 30
REFRESH_TOKEN_DAYS: int = env.int("REFRESH_TOKEN_DAYS", default=30)
# How long a browser comes back as the same visitor after its last visit; proved ones, less long.
VISITOR_DAYS: int = env.int("VISITOR_DAYS", default=400)
VERIFIED_VISITOR_DAYS: int = env.int("VERIFIED_VISITOR_DAYS", default=30)
# What the ends of the audit's chains are sealed with: `kid:secret` pairs, the first of which seals.
AUDIT_KEYS: list[str] = env.list("AUDIT_KEYS", default=[])
# What credentials at rest are sealed with: Fernet keys, the first of which seals.
CREDENTIAL_KEYS: list[str] = env.list("CREDENTIAL_KEYS", default=[])

# --- Getting in: sign-up, addresses, second factors, providers -----------------------------------
ACCOUNT_ADAPTER = "crm.authentication.allauth.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_MAX_LENGTH = 255
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "crm.authentication.passwords.PasswordResetTokens"  # noqa: S105  a path
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
# Every way in is counted by crm.core.ratelimit, in one place.
ACCOUNT_RATE_LIMITS = False
PASSWORD_RESET_TIMEOUT = 3600
MFA_ADAPTER = "crm.authentication.allauth.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "NextFlow"
# Clocks of phones differ: the code before and the one after count, too.
MFA_TOTP_TOLERANCE = 1
MFA_RATE_LIMITS = False
SOCIALACCOUNT_ADAPTER = "crm.authentication.allauth.adapters.ProviderAdapter"
SOCIALACCOUNT_FORMS = {"signup": "crm.authentication.forms.sign_up.ProviderSignUpForm"}
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = "oidc"
# A JSON object: "google", "facebook", "microsoft", or any other name with its "server_url".
OAUTH_PROVIDERS = json_object("OAUTH_PROVIDERS", env.str("OAUTH_PROVIDERS", default=""))
SOCIALACCOUNT_PROVIDERS = provider_settings(OAUTH_PROVIDERS)

# --- Operators ----------------------------------------------------------------------------------
# Whoever enters the admin has a second factor, and is out after this long without use of it.
OPERATOR_REQUIRES_MFA: bool = env.bool("OPERATOR_REQUIRES_MFA", default=True)
OPERATOR_IDLE_MINUTES: int = env.int("OPERATOR_IDLE_MINUTES", default=30)
# How long an operator may see the application as somebody else, at most.
IMPERSONATION_MINUTES: int = env.int("IMPERSONATION_MINUTES", default=60)
# Views in whose modules an operator may change things as somebody else, if they chose so at the
# start; whatever is not named is closed, and so is what hands out credentials.
IMPERSONATION_WORK = [
    "chat.",
    "knowledge.",
    "crm.customers.",
    "crm.core.records.",
    "crm.core.undo.",
]
IMPERSONATION_CLOSED = [
    "chat.api.inbox.Alerts",
    "chat.api.widgets",
    "chat.views.identity",
    "chat.views.notifications",
    "chat.views.start",
    "chat.views.widget_settings",
    "crm.core.records.pages.saved_views",
    "crm.core.records.views_api",
]

# --- Mail ---------------------------------------------------------------------------------------
# smtp+tls://user:password@host:587; without it a checkout shows its emails at /outbox/.
EMAIL_URL: str = env.str("EMAIL_URL", default="")
vars().update(environ.Env.email_url_config(EMAIL_URL or "smtp://localhost:25"))
# A service instead of a server: anymail.backends.mailgun.EmailBackend, and its keys in ANYMAIL.
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="") or vars()["EMAIL_BACKEND"]
ANYMAIL = json_object("ANYMAIL", env.str("ANYMAIL", default=""))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="NextFlow <no-reply@localhost>")
MAIL_OUTBOX = False
# How long an invitation can be accepted.
INVITATION_DAYS: int = env.int("INVITATION_DAYS", default=7)

# --- Languages and time -------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("vi", _("Vietnamese")), ("ru", _("Russian"))]
LANGUAGE_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "crm.core.http.cookie_messages.Messages"
MESSAGES_COOKIE_NAME = "messages"
TIME_ZONE: str = env.str("TZ", default="UTC")
USE_I18N = True
# Merged last: what we call a thing is not replaced by the word that Django or allauth has for it.
LOCALE_PATHS = [BASE_DIR / part / "locale" for part in ("crm/core", "knowledge", "chat")]
# Dates and times, one way for each language.
FORMAT_MODULE_PATH = ["crm.core.formats"]
USE_TZ = True

# --- Files the browser loads --------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.str("STATIC_ROOT", default="") or VAR_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "crm.core.http.static_files.HashedStaticFilesStorage"},
}

# --- What a browser may do with our pages -------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "frame-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        # A log-in through a provider is a form of ours that is answered with a way to them.
        "form-action": ["'self'", *provider_origins(OAUTH_PROVIDERS)],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "crm.authentication.views.kept_forms.csrf_failure"
# Of whatever is sent; the proxy of docker-compose.yml cuts off at twice as much.
MAX_BODY_BYTES = 1024 * 1024
# How long a request may take to arrive, however its bytes drip: its headers, then its body.
REQUEST_HEADER_SECONDS: float = env.float("REQUEST_HEADER_SECONDS", default=10)
REQUEST_BODY_SECONDS: float = env.float("REQUEST_BODY_SECONDS", default=45)
# How long a client may leave an answer unread, of which more waits than the system's buffers hold.
RESPONSE_READ_SECONDS: float = env.float("RESPONSE_READ_SECONDS", default=900)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
# As many rows of a list as can be changed at once, and what else their form has.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_100

# --- The API ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "crm.authentication.api.authentication.ApiKeyAuthentication",
        "crm.authentication.api.authentication.AccessTokenAuthentication",
        "crm.authentication.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.JsonParser"],
    "DEFAULT_THROTTLE_CLASSES": ["crm.billing.throttle.PlanThrottle"],
    "EXCEPTION_HANDLER": "config.api.problem_response",
    "DEFAULT_SCHEMA_CLASS": "crm.core.api.schema.ApiSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

# --- Limits -------------------------------------------------------------------------------------
RATE_LIMITS: dict[str, str] = RATE_LIMIT_DEFAULTS | env.dict("RATE_LIMITS", default={})

# --- Plans --------------------------------------------------------------------------------------
# What an organization has that did not sign up by itself: one that an operator or a command made.
BILLING_DEFAULT_PLAN: str = env.str("BILLING_DEFAULT_PLAN", default="enterprise")
# What whoever signs up tries, and for how long; 0 days: they begin with the free plan.
BILLING_TRIAL_PLAN: str = env.str("BILLING_TRIAL_PLAN", default="pro")
BILLING_TRIAL_DAYS: int = env.int("BILLING_TRIAL_DAYS", default=14)
# How long a plan goes on after a trial, or after a period that is not renewed; 0: not at all.
BILLING_GRACE_DAYS: int = env.int("BILLING_GRACE_DAYS", default=7)

# --- Chat ---------------------------------------------------------------------------------------
CHAT_MAX_TEXT_LENGTH = 10_000
CHAT_MAX_FRAME_BYTES = 65_536
CHAT_HEARTBEAT_SECONDS: float = env.float("CHAT_HEARTBEAT_SECONDS", default=25)
CHAT_DRAIN_SECONDS: float = env.float("CHAT_DRAIN_SECONDS", default=10)
# So many goodbyes a second are not spread any further.
CHAT_CLOSED_PER_SECOND: float = env.float("CHAT_CLOSED_PER_SECOND", default=50)
# A socket whose client reads nothing of what waits for it for so long is closed with 4408.
CHAT_STUCK_SECONDS: float = env.float("CHAT_STUCK_SECONDS", default=20)
# How long people may edit what they wrote, or delete it without a supervisor.
CHAT_AMEND_WINDOW_SECONDS: float = env.float("CHAT_AMEND_WINDOW_SECONDS", default=86_400)
# Threads for blocking work of sockets and long polls, per web process.
ASGI_BLOCKING_THREADS: int = env.int("ASGI_BLOCKING_THREADS", default=8)
# Threads for requests over HTTP, per web process: so many are worked on at once, others wait.
ASGI_REQUEST_THREADS: int = env.int("ASGI_REQUEST_THREADS", default=64)
# Requests of one address that are worked on at once: others find connections that are free.
ASGI_REQUESTS_PER_ADDRESS: int = max(1, DB_POSTGRES_POOL_SIZE // 2)

# --- Knowledge ----------------------------------------------------------------------------------
# Threads that compute embeddings, per process that needs any.
EMBEDDING_THREADS: int = env.int("EMBEDDING_THREADS", default=2)
# How long a deleted FAQ can be brought back.
KNOWLEDGE_KEEP_DELETED_DAYS: int = env.int("KNOWLEDGE_KEEP_DELETED_DAYS", default=30)

# --- Background work ----------------------------------------------------------------------------
CELERY_VISIBILITY_TIMEOUT = 1800
_broker_options = {
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    "socket_timeout": 30,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "retry_on_timeout": True,
}
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = _broker_options
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = _broker_options
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_DEFAULT_QUEUE = "default"
# A broker that is away must not hold up a stored message: the sweeper starts what was not queued.
# One retry at once heals a connection that a restart of the broker broke.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_max": 0.1}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2000
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
# Work is left to the task that was queued for it for this long; then the sweep queues another one.
SWEEP_AFTER_SECONDS: float = env.float("SWEEP_AFTER_SECONDS", default=15)
SWEEP_EVERY_SECONDS: float = env.float("SWEEP_EVERY_SECONDS", default=10)
CELERY_BEAT_SCHEDULE = beat_schedule(sweep_every=SWEEP_EVERY_SECONDS)

# --- Seen from outside --------------------------------------------------------------------------
LOGGING = logging_settings(
    level=LOG_LEVEL, service=SERVICE_NAME, development=ENVIRONMENT == "development"
)
