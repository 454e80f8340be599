"""Formats of dates and times: one per language, on every page.

`static/chat/inbox/time.js` has the same formats for the inbox.
"""
