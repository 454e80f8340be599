"""The people of a run: visitors in their widget and agents in their inbox."""

from html.parser import HTMLParser
from typing import Any

from tests.chaos.http_client import Unreachable
from tests.chaos.records import StreamLog
from tests.chaos.stream_client import StreamClient


class VisitorClient(StreamClient):
    """A visitor's widget: one open conversation, which the first message opens."""

    path = "/ws/widget/"

    def __init__(self, *, site_key: str, **options: Any) -> None:
        super().__init__(**options)
        self._site_key = site_key
        self._token: str | None = None
        self.stream: str | None = None

    async def enter(self) -> dict[str, Any]:
        response = await self.call(
            "POST",
            "/api/v1/widget/sessions",
            tries=1,
            json={"site_key": self._site_key, "visitor_token": self._token, "language": "en"},
        )
        session = response.json()
        if self._token is not None and session["is_new"]:
            self._observed.violation(f"{self.name}: was not recognised by its token")
        self._token = session["visitor_token"]
        if conversation := session["conversation"]:
            self._log(conversation["stream"], conversation["epoch"])
        return {"ticket": session["ticket"]}

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _log(self, stream: str, epoch: str) -> StreamLog:
        self.stream = stream
        return super()._log(stream, epoch)

    def _adopts(self, stream: str) -> bool:
        return True

    def _target(self) -> str | None:
        return self.stream


class AgentClient(StreamClient):
    """An agent's inbox, logged in with email and password as in a browser."""

    path = "/ws/inbox/"

    def __init__(self, *, email: str, password: str, **options: Any) -> None:
        super().__init__(**options)
        self._email, self._password = email, password

    async def enter(self) -> dict[str, Any]:
        if "sessionid" not in self.http.cookies:
            await self._log_in()
        return {}

    def headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        return {"Cookie": cookies}

    async def act(self, conversation_id: str, action: str) -> dict[str, Any]:
        """Take over, close and so on; again until it is done."""
        await self.has_arrived.wait()
        response = await self.call(
            "POST",
            f"/api/v1/conversations/{conversation_id}/{action}",
            headers={
                "X-CSRFToken": self.http.cookies["csrftoken"],
                "Origin": self._origin,
            },
        )
        conversation: dict[str, Any] = response.json()["conversation"]
        return conversation

    async def _log_in(self) -> None:
        page = await self.call("GET", "/login/", tries=1)
        await self.call(
            "POST",
            "/login/",
            tries=1,
            data={**hidden_values(page.text), "email": self._email, "password": self._password},
            headers={"Origin": self._origin},
        )
        if "sessionid" not in self.http.cookies:
            raise Unreachable("/login/")


def hidden_values(page: str) -> dict[str, str]:
    """Give what a page's form sends along unseen."""
    form = _Form()
    form.feed(page)
    return form.values


class _Form(HTMLParser):
    """The hidden values of a page's form."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type") == "hidden" and given.get("name"):
            self.values[str(given["name"])] = given.get("value") or ""
