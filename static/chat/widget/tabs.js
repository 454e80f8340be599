/** Talk among the tabs of one visitor; without BroadcastChannel each tab learns from the server. */
export class Tabs {
  /** @param {string} siteKey */
  constructor(siteKey) {
    /** @type {(message: Widget.Told) => void} */
    this.onmessage = () => {};
    if (typeof BroadcastChannel === "undefined") return;
    this.channel = new BroadcastChannel(`nextflow-${siteKey}`);
    this.channel.onmessage = (message) => this.onmessage(message.data);
  }

  /** @param {Widget.Told} message */
  tell(message) {
    this.channel?.postMessage(message);
  }
}
