// The dialog in which a filter is built: conditions and groups of which all, or any, must hold.
//
// What it sends is the JSON of the filter language, in the field "where" of its form.

/**
 * @typedef {{name: string, label: string, takes: string, url: string, choices: [string, string][]}} Operator
 * @typedef {{name: string, label: string, operators: Operator[]}} Field
 * @typedef {{field: string, op: string, value?: string | string[]}} Condition
 * @typedef {{all?: (Condition | Group)[], any?: (Condition | Group)[]}} Group
 */
import { closeDialog } from "../app/dialogs.js";
import { watchLengths } from "../app/lengths.js";
import { Picker } from "./picker.js";

const DEEPEST = 2;
// As crm/core/records/fields.py has it.
const MAX_RECORDS = 50;

export class FilterDialog {
  /** @type {HTMLDialogElement} */
  #dialog;
  /** @type {HTMLFormElement} */
  #form;
  /** @type {Field[]} */
  #fields;
  /** @type {Group} */
  #where;
  /** @type {HTMLElement} */
  #groups;
  /** @type {{field?: string, op?: string} | undefined} */
  #refused;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {{fields: Field[], where: Group, refused?: {field?: string, op?: string}}} data
   */
  constructor(dialog, { fields, where, refused }) {
    this.#dialog = dialog;
    this.#fields = fields;
    this.#where = where;
    this.#refused = refused;
    this.#groups = /** @type {HTMLElement} */ (dialog.querySelector("[data-filter-groups]"));
    const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
    this.#form = form;
    form.addEventListener("input", () => {
      form.dataset.written = "";
    });
    form.addEventListener("submit", () => {
      delete form.dataset.written;
      const field = /** @type {HTMLInputElement} */ (form.querySelector("[data-filter-where]"));
      field.value = JSON.stringify(readGroup(this.#groups.firstElementChild));
    });
    dialog.querySelector("[data-filter-close]")?.addEventListener("click", () => closeDialog(dialog));
    dialog.querySelector("[data-filter-clear]")?.addEventListener("click", () => {
      this.#draw({ all: [] });
    });
    // What was refused is corrected at once.
    if (refused) this.open();
  }

  open() {
    this.#draw(this.#where);
    delete this.#form.dataset.written;
    this.#dialog.showModal();
    const first = this.#groups.querySelector(".filter-line select, [data-add]");
    /** @type {HTMLElement | null} */ (first)?.focus();
  }

  /** @param {Group} group */
  #draw(group) {
    const { parts } = partsOf(group);
    const shown = parts.length ? group : { all: [{ field: this.#fields[0].name, op: "" }] };
    this.#groups.replaceChildren(this.#group(shown, 1));
  }

  /**
   * @param {Group} group
   * @param {number} depth
   */
  #group(group, depth) {
    const box = element("fieldset", "filter-group");
    const { parts, isAny } = partsOf(group);
    const match = select(gettext("Match"), [
      ["all", gettext("All conditions hold")],
      ["any", gettext("Any condition holds")],
    ]);
    match.dataset.match = "";
    match.value = isAny ? "any" : "all";
    const lines = element("div", "filter-lines");
    for (const part of parts) lines.append(this.#part(part, depth));
    const foot = element("div", "filter-foot");
    foot.append(
      button(gettext("Add a condition"), "add", () => {
        const line = this.#line({ field: this.#fields[0].name, op: "" });
        lines.append(line);
        /** @type {HTMLElement} */ (line.querySelector("select")).focus();
      }),
    );
    if (depth < DEEPEST) {
      foot.append(
        button(gettext("Add a group"), "addGroup", () => {
          const fresh = { any: [{ field: this.#fields[0].name, op: "" }] };
          lines.append(this.#group(fresh, depth + 1));
        }),
      );
    } else {
      foot.append(button(gettext("Remove the group"), "remove", () => box.remove()));
    }
    box.append(match, lines, foot);
    return box;
  }

  /**
   * @param {Condition | Group} part
   * @param {number} depth
   */
  #part(part, depth) {
    return "field" in part ? this.#line(part) : this.#group(part, depth + 1);
  }

  /** @param {Condition} condition */
  #line(condition) {
    const line = element("div", "filter-line");
    const fields = select(
      gettext("Field"),
      this.#fields.map(({ name, label }) => [name, label]),
    );
    fields.dataset.field = "";
    fields.value = condition.field;
    const rest = element("div", "filter-rest");
    const drawRest = (op = "", value = undefined) => {
      const field = /** @type {Field} */ (this.#fields.find(({ name }) => name === fields.value));
      rest.replaceChildren(...operatorAndValue(field, op, value));
    };
    fields.addEventListener("change", () => drawRest());
    drawRest(condition.op, condition.value);
    if (condition.field === this.#refused?.field && condition.op === this.#refused.op) {
      for (const field of rest.querySelectorAll("input, select")) {
        field.setAttribute("aria-invalid", "true");
      }
    }
    const remove = button(gettext("Remove"), "remove", () => {
      const next = line.nextElementSibling ?? line.previousElementSibling;
      const focused = next ?? line.closest(".filter-group")?.querySelector("[data-add]");
      line.remove();
      const target = focused?.matches("[data-add]") ? focused : focused?.querySelector("select");
      /** @type {HTMLElement | null | undefined} */ (target)?.focus();
    });
    remove.classList.add("filter-remove");
    line.append(fields, rest, remove);
    return line;
  }
}

/**
 * @param {Field} field
 * @param {string} op
 * @param {string | string[]} [value]
 */
function operatorAndValue(field, op, value) {
  const operators = select(
    gettext("Comparison"),
    field.operators.map(({ name, label }) => [name, label]),
  );
  operators.dataset.op = "";
  if (op) operators.value = op;
  const place = element("div", "filter-value");
  const draw = (/** @type {string | string[] | undefined} */ given) => {
    const operator = field.operators.find(({ name }) => name === operators.value);
    place.replaceChildren(...(operator ? valueFields(operator, given) : []));
    watchLengths(place);
  };
  const takes = () => field.operators.find(({ name }) => name === operators.value)?.takes;
  let taken = takes();
  operators.addEventListener("change", () => {
    // "is not" is asked of the value that "is" was asked of.
    draw(takes() === taken ? valueOf(place) : undefined);
    taken = takes();
  });
  draw(value);
  return [operators, place];
}

/**
 * @param {Operator} operator
 * @param {string | string[]} [value]
 */
function valueFields({ takes, choices, url }, value) {
  const values = value === undefined ? [] : [value].flat();
  if (takes === "none") return [];
  if (takes === "choices") {
    const box = element("div", "filter-choices");
    for (const [key, label] of choices) {
      const choice = element("label", "form-check");
      const input = document.createElement("input");
      input.type = "checkbox";
      input.className = "form-check-input";
      input.value = key;
      input.dataset.value = "";
      input.checked = values.includes(key);
      choice.append(input, element("span", "form-check-label", label));
      box.append(choice);
    }
    const check = () => {
      const isMissing = box.querySelector(":checked") === null;
      const told = isMissing ? gettext("Choose at least one.") : "";
      box.querySelector("input")?.setCustomValidity(told);
    };
    box.addEventListener("change", check);
    check();
    return [box];
  }
  if (takes === "record") return [pickers(url, values)];
  if (takes === "period") {
    const periods = select(gettext("Period"), choices);
    periods.dataset.value = "";
    if (values[0]) periods.value = values[0];
    return [periods];
  }
  const input = document.createElement("input");
  input.className = "form-control";
  input.dataset.value = "";
  input.required = true;
  if (takes === "number") input.step = "1";
  input.setAttribute("aria-label", takes === "days" ? gettext("Days") : gettext("Value"));
  input.type = takes === "moment" ? "date" : takes === "days" || takes === "number" ? "number" : "text";
  if (takes === "days") Object.assign(input, { min: "1", max: "3660", value: "7" });
  // As crm/core/moments.py has it.
  if (takes === "moment") Object.assign(input, { min: "1970-01-01", max: "9998-12-30" });
  if (takes === "amount") input.inputMode = "decimal";
  if (takes === "text" || takes === "amount") input.maxLength = takes === "text" ? 255 : 40;
  if (values[0]) input.value = takes === "moment" ? values[0].slice(0, 10) : values[0];
  // The dialog asks for days; a time of day that came with the address stays until the day changes.
  if (takes === "moment" && values[0]) input.dataset.exact = values[0];
  return [input];
}

/** Return fields in which rows are chosen; one more than there are rows.
 *
 * @param {string} url
 * @param {string[]} ids */
function pickers(url, ids) {
  const box = element("div", "filter-records");
  const grow = () => {
    const hidden = /** @type {HTMLInputElement[]} */ ([...box.querySelectorAll("[data-value]")]);
    const isFull = hidden.length >= MAX_RECORDS;
    if (!isFull && hidden.every(({ value }) => value)) box.append(picker(url, "", !hidden.length));
  };
  for (const id of ids) box.append(picker(url, id, id === ids[0]));
  grow();
  box.addEventListener("input", grow);
  return box;
}

/** Return a field in which a row is chosen.
 *
 * @param {string} url
 * @param {string} id
 * @param {boolean} isRequired */
function picker(url, id, isRequired) {
  const box = element("span", "picker");
  box.dataset.picker = url;
  const hidden = document.createElement("input");
  Object.assign(hidden, { type: "hidden", value: id });
  hidden.dataset.value = "";
  const field = document.createElement("input");
  Object.assign(field, { className: "form-control", dir: "auto", required: isRequired, maxLength: 255 });
  field.placeholder = gettext("Search…");
  field.setAttribute("aria-label", gettext("Value"));
  box.append(hidden, field);
  const made = new Picker(box);
  if (id) void made.name(id);
  return box;
}

/** Return the JSON of a group as it stands in the dialog; an empty group is left out.
 *
 * @param {Element | null} box
 * @returns {Group} */
function readGroup(box) {
  const match = /** @type {HTMLSelectElement | null} */ (box?.querySelector("[data-match]"));
  const lines = [...(box?.querySelector(".filter-lines")?.children ?? [])];
  /** @type {(Condition | Group)[]} */
  const parts = [];
  for (const line of lines) {
    if (!line.matches(".filter-group")) parts.push(readCondition(line));
    else if (partsOf(readGroup(line)).parts.length) parts.push(readGroup(line));
  }
  return match?.value === "any" ? { any: parts } : { all: parts };
}

/**
 * @param {Element} line
 * @returns {Condition}
 */
function readCondition(line) {
  const chosen = (/** @type {string} */ name) =>
    /** @type {HTMLSelectElement} */ (line.querySelector(`[data-${name}]`)).value;
  const condition = { field: chosen("field"), op: chosen("op") };
  const value = valueOf(line);
  return value === undefined ? condition : { ...condition, value };
}

/** Return the value that stands in fields; undefined where there is none to enter.
 *
 * @param {Element} place */
function valueOf(place) {
  const inputs = /** @type {HTMLInputElement[]} */ ([...place.querySelectorAll("[data-value]")]);
  if (!inputs.length) return undefined;
  if (inputs[0].type === "checkbox") {
    return inputs.filter(({ checked }) => checked).map((input) => input.value);
  }
  if (inputs[0].type === "hidden") {
    const chosen = inputs.map((input) => input.value).filter(Boolean);
    return chosen.length ? chosen : "";
  }
  const [{ value, dataset }] = inputs;
  return value !== "" && dataset.exact?.slice(0, 10) === value ? dataset.exact : value;
}

/** @param {Group} group */
function partsOf(group) {
  return group.any ? { parts: group.any, isAny: true } : { parts: group.all ?? [], isAny: false };
}

/**
 * @param {string} name
 * @param {string} className
 * @param {string} [text]
 */
function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/**
 * @param {string} label
 * @param {string} name
 * @param {() => void} run
 */
function button(label, name, run) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn btn-sm";
  made.textContent = label;
  made.dataset[name] = "";
  made.addEventListener("click", run);
  return made;
}

/**
 * @param {string} label
 * @param {[string, string][]} options
 */
function select(label, options) {
  const made = document.createElement("select");
  made.className = "form-select";
  made.setAttribute("aria-label", label);
  for (const [value, text] of options) made.add(new Option(text, value));
  return made;
}
