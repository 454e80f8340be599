/** Talk among the tabs of one visitor; without BroadcastChannel each tab learns from the server. */
export class Tabs {
  constructor(siteKey) {
    this.onmessage = () => {};
    if (typeof BroadcastChannel === "undefined") return;
    this.channel = new BroadcastChannel(`nextflow-${siteKey}`);
    this.channel.onmessage = (message) => this.onmessage(message.data);
  }

  tell(message) {
    this.channel?.postMessage(message);
  }
}
