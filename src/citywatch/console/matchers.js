// "These alerts", "these devices": conditions over labels, built by people and shown to people.

import { el } from "./dom.js";
import { t } from "./words.js";

export const DEVICE_LABELS = ["device", "device_kind", "site", "area", "department", "contractor", "class"];
export const ALERT_LABELS = ["device", "alert", "severity", "site", "area", "department", "contractor", "class", "device_kind", "source", "exercise"];

/** A matcher as people read it: Area: north, east · Kind: frozen. */
export function described(matcher) {
  return Object.entries(matcher).map(([label, patterns]) =>
    el("span", { class: "chip" }, el("span", { class: "quiet" }, `${t(`label_${label}`)}: `), [].concat(patterns).join(", ")));
}

/** Rows of label and patterns. `value()` is the matcher, empty where nothing is said. */
export class MatcherField {
  constructor(labels, started = {}) {
    this.labels = labels;
    this.rows = el("ul", { class: "conditions" });
    this.root = el("fieldset", { class: "options" }, el("legend", {}, t("which_ones")), this.rows,
      el("button", { type: "button", class: "plain", onclick: () => this.add() }, t("add_condition")),
      el("p", { class: "quiet small" }, t("matcher_hint")));
    const known = Object.entries(started).filter(([label]) => labels.includes(label));
    for (const [label, patterns] of known.length ? known : [[labels[0], ""]]) this.add(label, [].concat(patterns).join(", "));
  }

  add(label = this.labels[0], text = "") {
    const row = el("li", { class: "row" },
      el("select", { name: "label", "aria-label": t("matcher_label") }, this.labels.map((name) =>
        el("option", { value: name, selected: name === label }, t(`label_${name}`)))),
      el("input", { name: "patterns", "aria-label": t("matcher_patterns"), value: text, required: true, maxlength: 1000, list: `known-${label}` }),
      el("button", { type: "button", class: "plain", onclick: () => { if (this.rows.children.length > 1) row.remove(); } }, t("leave_out")));
    this.rows.append(row);
  }

  value() {
    const matcher = {};
    for (const row of this.rows.children) {
      const patterns = row.querySelector("input").value.split(/[,，]/).map((one) => one.trim()).filter(Boolean);
      const label = row.querySelector("select").value;
      if (patterns.length) matcher[label] = [...matcher[label] ?? [], ...patterns];
    }
    return matcher;
  }
}
