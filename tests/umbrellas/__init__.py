"""A record that nobody needs, as `docs/new-record.md` makes it: the proof of the kit."""
