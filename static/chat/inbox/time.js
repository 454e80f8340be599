// Times in the reader's language and time zone; the server's clock rules, not the machine's.
import { state } from "./page.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const skew = new Date(state.now).getTime() - Date.now();
const timeZone = state.timezone;
// Day before month everywhere, as the other two languages have it.
const language = state.language === "en" ? "en-GB" : state.language;
const format = (options) => new Intl.DateTimeFormat(language, { timeZone, ...options });

const clockFormat = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const weekdayFormat = format({ weekday: "short" });
const longWeekdayFormat = format({ weekday: "long" });
const partsFormat = new Intl.DateTimeFormat("en-CA", {
  timeZone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit",
  minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

// As crm/core/formats/ has it: 6 Dec 2026, 06/12/2026, 06.12.2026. Browsers have their own signs and
// months ("Sept", "06-12"), and change them from one version to the next.
const between = { vi: "/", ru: "." }[language];
const monthFormat = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", month: "short" });
/** @param {number} number */
const two = (number) => String(number).padStart(2, "0");

/** @param {Date} moment */
function dayWithoutYear(moment) {
  const { month, day } = onTheWall(moment);
  if (between) return `${two(day)}${between}${two(month)}`;
  return `${day} ${monthFormat.format(Date.UTC(2026, month - 1, 1))}`;
}

/** @param {Date} moment */
function dayWithYear(moment) {
  return `${dayWithoutYear(moment)}${between ?? " "}${onTheWall(moment).year}`;
}

export const now = () => new Date(Date.now() + skew);

/** Give {year, month, day, hour, minute, second} of a moment on the reader's wall.
 *
 * @param {Date} moment */
function onTheWall(moment) {
  const parts = {};
  for (const { type, value } of partsFormat.formatToParts(moment)) parts[type] = Number(value);
  return parts;
}

/** @param {string} iso */
export function dayKey(iso) {
  const { year, month, day } = onTheWall(new Date(iso));
  return `${year}-${month}-${day}`;
}

/** @param {string} iso */
function daysAgo(iso) {
  /** @param {Date} moment */
  const noon = (moment) => {
    const { year, month, day } = onTheWall(moment);
    return Date.UTC(year, month - 1, day);
  };
  return Math.round((noon(now()) - noon(new Date(iso))) / DAY);
}

/** @param {string} iso */
export const clock = (iso) => clockFormat.format(new Date(iso));
/** @param {string} iso */
export const absolute = (iso) => `${longDay(new Date(iso))}, ${clock(iso)}`;
/** @param {Date} moment */
export const momentWords = (moment) =>
  `${weekdayFormat.format(moment)}, ${dayWithoutYear(moment)}, ${clockFormat.format(moment)}`;

/** @param {Date} moment */
function longDay(moment) {
  return `${longWeekdayFormat.format(moment)}, ${dayWithYear(moment)}`;
}

/** The short time of a list row: the clock today, the weekday this week, then the date.
 *
 * @param {string} iso */
export function listTime(iso) {
  const days = daysAgo(iso);
  const moment = new Date(iso);
  if (days <= 0) return clockFormat.format(moment);
  if (days < 7) return weekdayFormat.format(moment);
  return days < 300 ? dayWithoutYear(moment) : dayWithYear(moment);
}

/** A time to come: the clock if it is today, else with its day.
 *
 * @param {string} iso */
export function timeToCome(iso) {
  const moment = new Date(iso);
  return daysAgo(iso) === 0 ? clockFormat.format(moment) : momentWords(moment);
}

/** @param {string} iso */
export function dayWords(iso) {
  const days = daysAgo(iso);
  if (days === 0) return gettext("Today");
  if (days === 1) return gettext("Yesterday");
  return longDay(new Date(iso));
}

/** @param {string} iso */
export const dateWords = (iso) => dayWithYear(new Date(iso));

/**
 * @param {number} amount
 * @param {string} unit
 */
function inUnit(amount, unit) {
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(
    amount,
  );
}

/** Word a span of time by its largest unit, for example "5 min"; never finer than a minute.
 *
 * @param {number} ms */
export function duration(ms) {
  if (ms < MINUTE) return `< ${inUnit(1, "minute")}`;
  if (ms < HOUR) return inUnit(Math.floor(ms / MINUTE), "minute");
  if (ms < DAY) return inUnit(Math.floor(ms / HOUR), "hour");
  return inUnit(Math.floor(ms / DAY), "day");
}

/** @param {string} iso */
export const since = (iso) => now().getTime() - new Date(iso).getTime();

/** Give the moment at which the reader's wall shows this date and time.
 *
 * @param {number} year
 * @param {number} month
 * @param {number} day
 * @param {number} hour
 * @param {number} minute */
function atWallTime(year, month, day, hour, minute) {
  const wanted = Date.UTC(year, month - 1, day, hour, minute);
  let moment = wanted;
  // Twice: the first step may cross a change of summer time.
  for (let step = 0; step < 2; step += 1) {
    const wall = onTheWall(new Date(moment));
    const shown = Date.UTC(
      wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second,
    );
    moment += wanted - shown;
  }
  return new Date(moment);
}

/** @param {number} hours */
export const inHours = (hours) => new Date(now().getTime() + hours * HOUR);

/** Give 9 o'clock on a later day of the reader.
 *
 * @param {number} days */
export function morningIn(days) {
  const { year, month, day } = onTheWall(now());
  return atWallTime(year, month, day + days, 9, 0);
}

export function nextMonday() {
  const { year, month, day } = onTheWall(now());
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
  return morningIn(((8 - weekday) % 7) || 7);
}

/** Between a datetime-local field and a moment, both on the reader's wall.
 *
 * @param {Date} moment */
export function fieldValue(moment) {
  const wall = onTheWall(moment);
  return `${wall.year}-${two(wall.month)}-${two(wall.day)}T${two(wall.hour)}:${two(wall.minute)}`;
}

/** Return the time of a field; an invalid date of a year that has more than four digits.
 *
 * @param {string} value */
export function fromFieldValue(value) {
  const parts = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+)/.exec(value);
  const [year, month, day, hour, minute] = parts.slice(1).map(Number);
  return year > 9999 ? new Date(Number.NaN) : atWallTime(year, month, day, hour, minute);
}
