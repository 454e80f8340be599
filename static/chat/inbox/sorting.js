// Which of two rows stands first and which is newer, as the database has it.

/** Microseconds, as the database counts: two changes may share a millisecond, which is as far as
 * the browser's own dates go.
 *
 * @param {string} iso */
export function momentOf(iso) {
  const finer = /\.\d{3}(\d{3})/.exec(iso);
  return new Date(iso).getTime() * 1000 + (finer ? Number(finer[1]) : 0);
}

/** Newest first; ids are made in order of time and settle a tie.
 *
 * @param {Inbox.Row} a
 * @param {Inbox.Row} b */
export const byAge = (a, b) =>
  momentOf(b.last_message_at) - momentOf(a.last_message_at) || (a.id < b.id ? 1 : -1);

/** Whoever waits longest first, and behind them, newest first, those who do not wait.
 *
 * @param {Inbox.Row} a
 * @param {Inbox.Row} b */
export function byWait(a, b) {
  if (!a.waiting_since || !b.waiting_since) {
    if (a.waiting_since || b.waiting_since) return a.waiting_since ? -1 : 1;
    return byAge(a, b);
  }
  return momentOf(a.waiting_since) - momentOf(b.waiting_since) || (a.id < b.id ? -1 : 1);
}

/**
 * @param {Inbox.Row} row
 * @param {Inbox.Row} than
 */
export function isOlder(row, than) {
  if (row.last_seq !== than.last_seq) return row.last_seq < than.last_seq;
  return momentOf(row.updated_at) < momentOf(than.updated_at);
}
