// What people are called, out of their full names; crm/core/text/person_names.py does the same.
const SURNAMES = new Set(
  ("bùi cao châu chu chử cù đàm đặng đào đinh đoàn đỗ đồng dương giang hà hồ hoàng huỳnh kiều kim "
    + "lã lạc lâm lê lục lương lưu lý mã mạc mai nghiêm ngô nguyễn ninh nông ông phạm phan phí phó "
    + "phùng quách quản tạ tăng thạch thái thân thi tiêu tô tôn tống trần triệu trịnh trương từ văn "
    + "viên võ vũ vương").split(" "),
);
const WITHOUT_MARKS = new Set(
  ("bui cao chau dam dang dao dinh doan do duong hoang huynh lam le luong luu ngo nguyen pham "
    + "phan phung quach tran trieu trinh truong vo vu vuong").split(" "),
);
const ONLY_VIETNAMESE = /[ơưƠƯ\u1EA0-\u1EF9]/u;

/** Return what somebody is called: the last word of a Vietnamese name, the first of any other.
 *
 * @param {string} name
 * @param {string} [language] */
export function shortName(name, language = "") {
  const words = (name ?? "").normalize("NFC").split(/\s+/u).filter(Boolean);
  if (words.length < 2) return words.join("");
  return isVietnamese(words, language) ? words.at(-1) : words[0];
}

/**
 * Return a customer's name; of a visitor without one, "Visitor" in the reader's language.
 * Messages and live rows carry it in the language of whoever made them, with the end of the id.
 *
 * @param {{id?: string, name?: string}} person
 */
export function customerName({ id, name }) {
  const end = ` ${(id ?? "").slice(-4).toUpperCase()}`;
  return end.length === 5 && name?.endsWith(end) ? gettext("Visitor") + end : name;
}

// Letters that Unicode does not take apart, as in crm/core/text/folding.py.
/** @type {Record<string, string>} */
const PLAIN = { đ: "d", ð: "d", ħ: "h", ı: "i", ł: "l", ø: "o", ß: "ss" };
const MARKS = /[\u0300-\u036f]/gu;
const BETWEEN_WORDS = /[^\p{L}\p{N}]+/gu;

/** Whether each word of a search is in a name, whatever their case, accents, order and punctuation.
 *
 * @param {string} name
 * @param {string} search */
export function isCalled(name, search) {
  const words = folded(search).split(BETWEEN_WORDS).filter(Boolean);
  const plain = folded(name);
  const joined = plain.replace(BETWEEN_WORDS, "");
  return words.every((word) => plain.includes(word) || joined.includes(word));
}

/** @param {string} text */
function folded(text) {
  const bare = text.normalize("NFKD").replace(MARKS, "").toLowerCase();
  return bare.replace(/[đðħıłøß]/gu, (letter) => PLAIN[letter]);
}

/**
 * Return a sender as they are known now: a message keeps the name of when it was written, and one
 * person or bot has one name in a conversation.
 *
 * @param {Stream.Sender} sender
 * @param {{customer: Stream.Person, bot_name: string} | null} [row] the conversation's
 * @returns {Stream.Sender}
 */
export function knownNow(sender, row) {
  if (!row) return sender;
  if (sender.type === "customer") return { ...sender, ...row.customer };
  return sender.type === "bot" && row.bot_name ? { ...sender, name: row.bot_name } : sender;
}

/** Return what a sender is called.
 *
 * @param {Stream.Sender} sender
 * @param {{customer: Stream.Person, bot_name: string} | null} [row] */
export const senderName = (sender, row) => customerName(knownNow(sender, row)) || gettext("Bot");

/** Return the first letter of what somebody is called, for the circle beside the name.
 *
 * @param {string} name */
export const firstLetter = (name) => [...(shortName(name) || "?")][0].toUpperCase();

/**
 * @param {string[]} words
 * @param {string} language
 */
function isVietnamese(words, language) {
  if (/[^\P{L}\p{Script=Latin}]/u.test(words.join(""))) return false;
  if (ONLY_VIETNAMESE.test(words.join(""))) return true;
  const surname = words[0].toLowerCase();
  const isAscii = /^\p{ASCII}*$/u.test(surname);
  if (SURNAMES.has(surname) && !isAscii) return true;
  // Surnames without marks are names elsewhere too: three words, or the person's own language.
  const isSurname = SURNAMES.has(surname) || WITHOUT_MARKS.has(surname);
  return isSurname && (words.length > 2 || language === "vi");
}
