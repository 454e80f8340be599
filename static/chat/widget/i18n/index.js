/** Words in the visitor's language; only that language's file is fetched. */

/** @type {Record<string, () => Promise<{default: object}>>} */
const LOADERS = {
  en: () => import("./en.js"),
  vi: () => import("./vi.js"),
  ru: () => import("./ru.js"),
};

export const LANGUAGES = Object.keys(LOADERS);

/** The first wish that we speak ("ru-RU" is ru), else English.
 *
 * @param {(string | null | undefined | readonly string[])[]} wishes */
export function chooseLanguage(...wishes) {
  for (const wish of wishes.flat()) {
    const code = (wish ?? "").toLowerCase().split(/[-_]/u)[0];
    if (LANGUAGES.includes(code)) return code;
  }
  return "en";
}

/** @param {string} language */
export async function loadWords(language) {
  const { default: words } = await LOADERS[language]();
  return new Words(language, words);
}

export class Words {
  /**
   * @param {string} language
   * @param {object} words
   */
  constructor(language, words) {
    this.language = language;
    /** A tree of texts, and of tables of plurals. @type {any} */
    this.words = words;
    this.plurals = new Intl.PluralRules(language);
  }

  /** `t("status.sent")`; `{names}` are filled in, a table of plurals goes by `count`.
   *
   * @param {string} key
   * @param {Record<string, string | number>} [fill]
   * @returns {string} */
  t = (key, fill = {}) => {
    let found = this.find(key);
    if (typeof found === "object") found = found[this.plurals.select(Number(fill.count))] ?? found.other;
    return found.replace(/\{(\w+)\}/gu, (/** @type {string} */ _, /** @type {string} */ name) =>
      String(fill[name]),
    );
  };

  /** @param {string} key */
  has(key) {
    return this.find(key) !== undefined;
  }

  /** @param {string} key */
  find(key) {
    return key.split(".").reduce((part, name) => part?.[name], this.words);
  }

  /** @param {string} timestamp */
  time(timestamp) {
    // 07:05 as in the inbox; alone, Vietnamese and Russian would make it 7:05.
    const hour = this.language === "en" ? "numeric" : "2-digit";
    return this.format(timestamp, { hour, minute: "2-digit" });
  }

  /** @param {string} timestamp */
  day(timestamp, now = new Date()) {
    const day = new Date(timestamp);
    const daysAgo = Math.round((startOfDay(now) - startOfDay(day)) / 86_400_000);
    if (daysAgo === 0) return this.t("today");
    if (daysAgo === 1) return this.t("yesterday");
    /** @type {Intl.DateTimeFormatOptions} */
    const year = day.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
    return this.format(timestamp, { weekday: "long", day: "numeric", month: "long", ...year });
  }

  /**
   * @param {string} timestamp
   * @param {Intl.DateTimeFormatOptions} options
   */
  format(timestamp, options) {
    // The visitor's own locale where it is of this language: en-GB keeps its 24 hours.
    const own = navigator.languages?.find((code) => code.split("-")[0] === this.language);
    return new Intl.DateTimeFormat(own ?? this.language, options).format(new Date(timestamp));
  }
}

/** @param {Date} moment */
export function startOfDay(moment) {
  return new Date(moment.getFullYear(), moment.getMonth(), moment.getDate()).getTime();
}
