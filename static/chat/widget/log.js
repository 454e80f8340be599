/** How many entries are loaded at once. */
export const FIRST_PAGE = 50;

/** One stream as this page holds it: entries in the order of `seq`, each once, without gaps. */
export class StreamLog {
  /** `seq` is the number up to which everything counts as shown, for a start in the middle.
   *
   * @param {Stream.Position} start */
  constructor({ stream, epoch, seq = 0 }) {
    this.stream = stream;
    this.epoch = epoch;
    this.floor = seq;
    this.seq = seq;
    /** @type {Stream.Event[]} */
    this.entries = [];
    /** @type {Map<number, Stream.Event>} */
    this.waiting = new Map();
  }

  /** Take in events in any order, again or with holes; give those that can be shown, in order.
   *
   * @param {Stream.Event[]} events */
  take(events) {
    for (const event of events) {
      if (event.seq > this.seq) this.waiting.set(event.seq, event);
    }
    const ready = [];
    for (let event = this.next(); event; event = this.next()) {
      this.waiting.delete(event.seq);
      this.seq = event.seq;
      ready.push(event);
    }
    this.entries.push(...ready);
    return ready;
  }

  next() {
    return this.waiting.get(this.seq + 1);
  }

  /** Take in older entries, which end right before the first one held.
   *
   * @param {Stream.Event[]} events */
  takeOlder(events) {
    const older = events.filter((event) => event.seq <= this.floor).sort((a, b) => a.seq - b.seq);
    if (!older.length || older[older.length - 1].seq !== this.floor) return [];
    this.floor = older[0].seq - 1;
    this.entries.unshift(...older);
    return older;
  }

  /** Put what an edit or a deletion says into the message that it is about.
   *
   * @param {Stream.Event} event */
  edit(event) {
    if (event.kind !== "message.edited" && event.kind !== "message.deleted") return;
    const { message_id: id, edited_at, deleted_at, content } = event.data;
    // One that lies above what was loaded comes amended when somebody scrolls up to it.
    const target = this.entries.find(
      (entry) => entry.kind === "message.posted" && entry.data.message_id === id,
    );
    if (!target) return;
    target.data = { ...target.data, ...(deleted_at ? { deleted_at } : { edited_at }) };
    if (content && !target.data.deleted_at) target.data.content = content;
  }

  /** Something after the last shown entry is known but not here. */
  get hasGap() {
    return this.waiting.size > 0;
  }

  /** @param {number} top */
  isBehind(top) {
    return top > this.seq;
  }
}
