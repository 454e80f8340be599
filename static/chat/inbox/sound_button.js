// The button that switches this person's alert sound off and on, as Settings → Notifications does.
import { Refusal, patch } from "./api.js";
import { byId, icon, me, state } from "./page.js";
import { ALERTS } from "./shapes.js";
import { toast } from "../../app/toasts.js";
import { playSound, unlockSound } from "../sound.js";

export class SoundButton {
  #button = byId("sound-button");
  #otherTabs = new BroadcastChannel(`nextflow-sound:${me.organization}:${me.id}`);
  #isSaving = false;

  constructor() {
    this.#button.addEventListener("click", () => this.#switch());
    this.#otherTabs.addEventListener("message", ({ data }) => this.#show(data));
  }

  async #switch() {
    if (this.#isSaving) return;
    this.#isSaving = true;
    const wanted = !state.alerts.sound;
    this.#show(wanted);
    try {
      const { sound } = await patch("inbox/alerts", ALERTS, { sound: wanted });
      this.#show(sound);
      this.#otherTabs.postMessage(sound);
      if (sound) {
        // What one switches on, one hears once.
        await unlockSound();
        playSound();
      }
    } catch (error) {
      this.#show(!wanted);
      if (!(error instanceof Refusal)) throw error;
      toast(error.message, { kind: "error" });
    } finally {
      this.#isSaving = false;
    }
  }

  /** @param {boolean} isOn */
  #show(isOn) {
    state.alerts.sound = isOn;
    this.#button.setAttribute("aria-pressed", String(isOn));
    this.#button.title = isOn ? gettext("Sound is on") : gettext("Sound is off");
    this.#button.replaceChildren(icon(isOn ? "volume" : "volume-off"));
  }
}
