"""How dates and times are written: one way for each language, on every page.

`static/chat/inbox/time.js` says the same for what the inbox writes by itself.
"""
