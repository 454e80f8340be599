"""What the bot says of itself, in the visitor's language rather than a request's."""

from enum import StrEnum


class Line(StrEnum):
    NAME = "name"
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    ASKED = "asked"
    UNKNOWN = "unknown"
    FAILED = "failed"
    OVER_QUOTA = "over_quota"


_LINES: dict[str, dict[Line, str]] = {
    "en": {
        Line.NAME: "Assistant",
        Line.GREETING: "Hello! What would you like to know?",
        Line.THANKS: "You are welcome. Just write if there is anything else.",
        Line.GOODBYE: "Goodbye, and have a nice day!",
        Line.ASKED: "Of course. I am passing you on to a colleague, who will reply right here.",
        Line.UNKNOWN: "I do not know the answer to that. A colleague will reply right here.",
        Line.FAILED: "Something went wrong on our side. A colleague will reply right here.",
        Line.OVER_QUOTA: "I am passing you on to a colleague, who will reply right here.",
    },
    "vi": {
        Line.NAME: "Trợ lý",
        Line.GREETING: "Xin chào! Bạn muốn hỏi điều gì ạ?",
        Line.THANKS: "Không có gì ạ. Bạn cần gì thêm cứ nhắn nhé.",
        Line.GOODBYE: "Tạm biệt bạn, chúc bạn một ngày vui vẻ!",
        Line.ASKED: "Vâng ạ. Mình chuyển bạn đến nhân viên, họ sẽ trả lời bạn ngay tại đây.",
        Line.UNKNOWN: "Câu này mình chưa biết trả lời. Nhân viên sẽ trả lời bạn ngay tại đây.",
        Line.FAILED: "Bên mình đang gặp trục trặc. Nhân viên sẽ trả lời bạn ngay tại đây.",
        Line.OVER_QUOTA: "Mình chuyển bạn đến nhân viên, họ sẽ trả lời bạn ngay tại đây.",
    },
    "ru": {
        Line.NAME: "Помощник",
        Line.GREETING: "Здравствуйте! Что вы хотели бы узнать?",
        Line.THANKS: "Пожалуйста! Если появятся ещё вопросы, пишите.",
        Line.GOODBYE: "До свидания, хорошего вам дня!",
        Line.ASKED: "Конечно. Передаю вас сотруднику, он ответит прямо здесь.",
        Line.UNKNOWN: "На этот вопрос у меня нет ответа. Сотрудник ответит вам прямо здесь.",
        Line.FAILED: "У нас произошёл сбой. Сотрудник ответит вам прямо здесь.",
        Line.OVER_QUOTA: "Передаю вас сотруднику, он ответит прямо здесь.",
    },
}


def line(name: Line, language: str) -> str:
    return _LINES.get(language, _LINES["en"])[name]
