// Two short notes that say "somebody writes", made here: there is no file to load or to license.
const NOTES = [
  { hertz: 660, at: 0 },
  { hertz: 880, at: 0.13 },
];
const LASTS = 0.32;
const VOLUME = 0.12;

/** @type {AudioContext | null} */
let context = null;

/** Make ready to play. Browsers allow sound only after the person did something on the page. */
export async function unlockSound() {
  try {
    context ??= new AudioContext();
    if (context.state === "suspended") await context.resume();
  } catch {
    // No sound on this machine.
  }
}

/** Play the sound, if the browser lets this page; answer whether it did. */
export function playSound() {
  if (context?.state !== "running") return false;
  for (const { hertz, at } of NOTES) {
    const start = context.currentTime + at;
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(VOLUME, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + LASTS);
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + LASTS);
  }
  return true;
}
