"""Settings shared by every way to run; each value comes from the environment or is a safe default.

`.env.example` lists every variable with its meaning.
"""

from pathlib import Path

import environ
from django.utils.translation import gettext_lazy as _

from config import engines
from config.logging_settings import logging_settings

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
QDRANT_API_KEY: str = env.str("QDRANT_API_KEY", default="")
QDRANT_PREFIX: str = env.str("QDRANT_PREFIX", default="")

DATABASES = {"default": environ.Env.db_url_config(STORE_URLS.database)}
DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
DATABASES["default"]["CONN_MAX_AGE"] = 0
# A connection that a restart of PostgreSQL broke is replaced instead of handed out.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["ATOMIC_REQUESTS"] = False
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["OPTIONS"] |= {
    "pool": {
        "min_size": 1,
        "max_size": env.int("DB_POSTGRES_POOL_SIZE", default=16),
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
            "SOCKET_CONNECT_TIMEOUT": 2,
            "SOCKET_TIMEOUT": 5,
            # Without Redis there is no cache; sessions are then read from PostgreSQL.
            "IGNORE_EXCEPTIONS": True,
        },
    }
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True

CHANNEL_PREFIX = "nf"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "config.layers.ChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": CHANNEL_PREFIX},
    }
}

# --- Applications -------------------------------------------------------------------------------
INSTALLED_APPS = [
    "config",
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "channels",
    "csp",
    "django_celery_beat",
    "crm.accounts",
    "crm.customers",
    "crm.operations",
    "knowledge",
    "chat",
]
AUTH_USER_MODEL = "accounts.User"

MIDDLEWARE = [
    "config.middleware.correlation.correlation_middleware",
    "crm.operations.middleware.probe_middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.middleware.bodies.BodyMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "crm.accounts.middleware.OrganizationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.refusals.RefusalMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "crm.accounts.context.membership",
                "chat.context.waiting",
            ],
        },
    }
]

# --- People -------------------------------------------------------------------------------------
PASSWORD_HASHERS = ["django.contrib.auth.hashers.BCryptSHA256PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "accounts:log_in"
LOGIN_REDIRECT_URL = "chat:inbox"
LOGOUT_REDIRECT_URL = "accounts:log_in"
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

# --- Languages and time -------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("vi", _("Vietnamese")), ("ru", _("Russian"))]
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE: str = env.str("TZ", default="UTC")
USE_I18N = True
USE_TZ = True

# --- Files the browser loads --------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.str("STATIC_ROOT", default="") or VAR_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static_files.HashedStaticFilesStorage"},
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
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.views.csrf_failure"
# Of whatever is sent; the proxy of docker-compose.yml cuts off at twice as much.
MAX_BODY_BYTES = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

# --- The API ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.JsonParser"],
    "EXCEPTION_HANDLER": "config.api.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

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
# A side effect is left to the task that was queued for it for this long; then the sweeper takes it.
CHAT_SWEEP_AFTER_SECONDS: float = env.float("CHAT_SWEEP_AFTER_SECONDS", default=15)
CHAT_SWEEP_EVERY_SECONDS: float = env.float("CHAT_SWEEP_EVERY_SECONDS", default=10)

# --- Knowledge ----------------------------------------------------------------------------------
# Threads that compute embeddings, per process that needs any.
EMBEDDING_THREADS: int = env.int("EMBEDDING_THREADS", default=2)
# A change is left to the task that was queued for it for this long; then the sweeper takes it.
KNOWLEDGE_SWEEP_AFTER_SECONDS: float = env.float("KNOWLEDGE_SWEEP_AFTER_SECONDS", default=20)
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
CELERY_BEAT_SCHEDULE = {
    "chat.sweep_pending": {
        "task": "chat.sweep_pending",
        "schedule": CHAT_SWEEP_EVERY_SECONDS,
    },
    "chat.wake_snoozed": {"task": "chat.wake_snoozed", "schedule": 30.0},
    "knowledge.sweep_unindexed": {"task": "knowledge.sweep_unindexed", "schedule": 15.0},
    "knowledge.compare_index": {"task": "knowledge.compare_index", "schedule": 600.0},
    "knowledge.purge_deleted": {"task": "knowledge.purge_deleted", "schedule": 86_400.0},
}
# One through each queue: only a task that arrives proves that somebody consumes.
CELERY_BEAT_SCHEDULE |= {
    f"operations.canary.{queue}": {
        "task": "operations.canary",
        "schedule": 30.0,
        "args": [queue],
        "options": {"queue": queue},
    }
    for queue in ("realtime", "default", "ai", "bulk")
}
CELERY_TASK_ROUTES = {
    "chat.answer_with_bot": {"queue": "ai"},
    "chat.*": {"queue": "realtime"},
    "knowledge.*": {"queue": "default"},
}

# --- Seen from outside --------------------------------------------------------------------------
LOGGING = logging_settings(
    level=LOG_LEVEL, service=SERVICE_NAME, development=ENVIRONMENT == "development"
)
