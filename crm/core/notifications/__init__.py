"""Notifications of members: declared kinds, an unread count, preferences, email."""
