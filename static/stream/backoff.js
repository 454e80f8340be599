/** Waiting times that double and are spread at random ("full jitter"), so that the clients of a
 * restarted server do not come back all at once. Milliseconds. */
export class Backoff {
  constructor({ first = 500, longest = 20_000, random = Math.random } = {}) {
    this.first = first;
    this.longest = longest;
    this.random = random;
    this.attempts = 0;
  }

  /** Return the next pause, of at least so many ms. */
  next(least = 0) {
    const ceiling = Math.min(this.longest, this.first * 2 ** this.attempts);
    this.attempts += 1;
    return least + Math.round(this.random() * ceiling);
  }

  reset() {
    this.attempts = 0;
  }
}
