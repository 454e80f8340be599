"""The bot: answers what it knows, and lets people answer the rest."""

from uuid import UUID


def answer(*, organization_id: UUID, conversation_id: UUID, seq: int) -> None:
    """Answer one question of a customer, once, while the conversation is the bot's."""
    raise NotImplementedError
