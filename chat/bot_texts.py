"""The bot's messages, in the visitor's language rather than the request's."""

from enum import StrEnum


class Line(StrEnum):
    NAME = "name"
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    ASKED = "asked"
    UNKNOWN = "unknown"
    UNKNOWN_QUESTION = "unknown_question"
    RETURNED = "returned"
    FAILED = "failed"
    OVER_QUOTA = "over_quota"
    TEAM_ONLINE = "team_online"
    TEAM_AWAY = "team_away"
    SOMEBODY_COMES = "somebody_comes"


_LINES: dict[str, dict[Line, str]] = {
    "en": {
        Line.NAME: "Bot",
        Line.GREETING: "Hello! What would you like to know?",
        Line.THANKS: "You are welcome. Just write if there is anything else.",
        Line.GOODBYE: "Goodbye, and have a nice day!",
        Line.ASKED: "Of course. I am passing you on to a colleague.",
        Line.UNKNOWN: "I do not know the answer to that, so I am passing it on to a colleague.",
        Line.UNKNOWN_QUESTION: "I do not know the answer to “{question}”.",
        Line.RETURNED: (
            "Our team has asked me to help you here. What would you like to know? If you need a"
            " colleague, just say so."
        ),
        Line.FAILED: "Something went wrong on our side. I am passing you on to a colleague.",
        Line.OVER_QUOTA: "I am passing you on to a colleague.",
        Line.TEAM_ONLINE: "Our team is online and will reply right here.",
        Line.TEAM_AWAY: (
            "Nobody is online right now. The first of us who is back will reply right here."
        ),
        Line.SOMEBODY_COMES: "A colleague will reply right here.",
    },
    "vi": {
        Line.NAME: "Bot",
        Line.GREETING: "Xin chào! Bạn muốn hỏi điều gì ạ?",
        Line.THANKS: "Không có gì ạ. Bạn cần gì thêm cứ nhắn nhé.",
        Line.GOODBYE: "Tạm biệt bạn, chúc bạn một ngày vui vẻ!",
        Line.ASKED: "Vâng ạ. Mình chuyển bạn đến nhân viên.",
        Line.UNKNOWN: "Câu này mình chưa biết trả lời nên đã chuyển cho nhân viên.",
        Line.UNKNOWN_QUESTION: "Mình chưa có câu trả lời cho “{question}”.",
        Line.RETURNED: (
            "Nhân viên đã nhờ mình hỗ trợ bạn tại đây. Bạn muốn hỏi điều gì ạ? Nếu cần gặp nhân"
            " viên, bạn cứ nhắn nhé."
        ),
        Line.FAILED: "Bên mình đang gặp trục trặc. Mình chuyển bạn đến nhân viên.",
        Line.OVER_QUOTA: "Mình chuyển bạn đến nhân viên.",
        Line.TEAM_ONLINE: "Nhân viên đang trực tuyến và sẽ trả lời bạn ngay tại đây.",
        Line.TEAM_AWAY: (
            "Hiện chưa có nhân viên nào trực tuyến. Khi có người trở lại, bạn sẽ được trả lời"
            " ngay tại đây."
        ),
        Line.SOMEBODY_COMES: "Nhân viên sẽ trả lời bạn ngay tại đây.",
    },
    "ru": {
        Line.NAME: "Бот",
        Line.GREETING: "Здравствуйте! Что вы хотели бы узнать?",
        Line.THANKS: "Пожалуйста! Если появятся ещё вопросы, пишите.",
        Line.GOODBYE: "До свидания, хорошего вам дня!",
        Line.ASKED: "Конечно. Передаю вас сотруднику.",
        Line.UNKNOWN: "На этот вопрос у меня нет ответа, поэтому передаю его сотруднику.",
        Line.UNKNOWN_QUESTION: "На вопрос «{question}» у меня нет ответа.",
        Line.RETURNED: (
            "Сотрудники попросили меня помочь вам. Что вы хотели бы узнать? Если нужен сотрудник,"
            " просто напишите."
        ),
        Line.FAILED: "У нас произошёл сбой. Передаю вас сотруднику.",
        Line.OVER_QUOTA: "Передаю вас сотруднику.",
        Line.TEAM_ONLINE: "Сотрудники на связи и ответят прямо здесь.",
        Line.TEAM_AWAY: (
            "Сейчас никого нет на связи. Как только кто-нибудь вернётся, вам ответят прямо здесь."
        ),
        Line.SOMEBODY_COMES: "Сотрудник ответит прямо здесь.",
    },
}


def line(name: Line, language: str, **values: str) -> str:
    return _LINES.get(language, _LINES["en"])[name].format(**values)
