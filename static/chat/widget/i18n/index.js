/** Words in the visitor's language; only that language's file is fetched. */

const LOADERS = {
  en: () => import("./en.js"),
  vi: () => import("./vi.js"),
  ru: () => import("./ru.js"),
};

export const LANGUAGES = Object.keys(LOADERS);

/** The first wish that we speak ("ru-RU" is ru), else English. */
export function chooseLanguage(...wishes) {
  for (const wish of wishes.flat()) {
    const code = (wish ?? "").toLowerCase().split(/[-_]/u)[0];
    if (LANGUAGES.includes(code)) return code;
  }
  return "en";
}

export async function loadWords(language) {
  const { default: words } = await LOADERS[language]();
  return new Words(language, words);
}

export class Words {
  constructor(language, words) {
    this.language = language;
    this.words = words;
    this.plurals = new Intl.PluralRules(language);
  }

  /** `t("status.sent")`; `{names}` are filled in, a table of plurals goes by `count`. */
  t = (key, fill = {}) => {
    let found = this.find(key);
    if (typeof found === "object") found = found[this.plurals.select(fill.count)] ?? found.other;
    return found.replace(/\{(\w+)\}/gu, (_, name) => String(fill[name]));
  };

  has(key) {
    return this.find(key) !== undefined;
  }

  find(key) {
    return key.split(".").reduce((part, name) => part?.[name], this.words);
  }

  time(timestamp) {
    // 07:05 as in the inbox; alone, Vietnamese and Russian would make it 7:05.
    const hour = this.language === "en" ? "numeric" : "2-digit";
    return this.format(timestamp, { hour, minute: "2-digit" });
  }

  day(timestamp, now = new Date()) {
    const day = new Date(timestamp);
    const daysAgo = Math.round((startOfDay(now) - startOfDay(day)) / 86_400_000);
    if (daysAgo === 0) return this.t("today");
    if (daysAgo === 1) return this.t("yesterday");
    const year = day.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
    return this.format(timestamp, { weekday: "long", day: "numeric", month: "long", ...year });
  }

  format(timestamp, options) {
    // The visitor's own locale where it is of this language: en-GB keeps its 24 hours.
    const own = navigator.languages?.find((code) => code.split("-")[0] === this.language);
    return new Intl.DateTimeFormat(own ?? this.language, options).format(new Date(timestamp));
  }
}

export function startOfDay(moment) {
  return new Date(moment.getFullYear(), moment.getMonth(), moment.getDate()).getTime();
}
