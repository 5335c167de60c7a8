// The log of shifts: what the next one should know, and the handing over itself, with what was open then.

import * as api from "./api.js";
import { el, put, reconcile } from "./dom.js";
import { instant, number, word } from "./format.js";
import { t } from "./words.js";

const KEPT = "citywatch.draft.shift";
const SHOWN = ["alerts_open", "alerts_acknowledged", "tickets_filed", "tickets_dispatched", "tickets_accepted", "tickets_on_hold",
  "tickets_handled", "tickets_overdue", "devices_down", "devices_unknown", "exercises"];

export class ShiftPage {
  constructor(city) {
    this.city = city;
    this.entries = new Map();
    this.key = api.word();
    this.now = el("section", { class: "card", id: "shift-now", "aria-label": t("open_now") });
    this.form = el("div", {});
    this.list = el("ol", { class: "list", id: "shift-log", "aria-label": t("page_shift") });
    this.empty = el("p", { class: "empty", hidden: true }, t("no_shifts"));
    this.more = el("button", { class: "plain more", hidden: true, onclick: () => city.guarded(() => this.fetch(this.next)) }, t("load_more"));
    this.root = el("div", { class: "narrow" }, this.now, this.form, this.empty, this.list, this.more);
    if (city.mayAcknowledge()) put(this.form, this.entryForm());
  }

  entryForm() {
    const to = el("input", { id: "to", name: "to", maxlength: 64, autocomplete: "off" });
    const whom = el("div", { hidden: true }, el("label", { for: "to" }, t("field_to_whom")), to);
    const note = el("textarea", { id: "note", name: "note", rows: 4, maxlength: 4000, required: true, oninput: () => {
      try { sessionStorage.setItem(KEPT, note.value); } catch { /* storage may be shut */ }
    } });
    try { note.value = sessionStorage.getItem(KEPT) ?? ""; } catch { /* as above */ }
    const kind = (value) => el("label", { class: "option" }, el("input", { type: "radio", name: "kind", value, required: true, checked: value === "entry",
      onchange: () => { whom.hidden = value !== "handover"; to.required = value === "handover"; } }), el("span", {}, word("shift", value)));
    return el("form", { class: "card", onsubmit: (event) => {
      event.preventDefault();
      const form = event.currentTarget;
      const { submitter } = event;
      const handover = form.elements.kind.value === "handover";
      submitter.disabled = true;
      this.city.guarded(async () => {
        const told = { kind: form.elements.kind.value, note: note.value.trim(), to: handover ? to.value.trim() : "" };
        const made = await api.command("shift-log", told, { key: this.key });
        this.key = api.word();
        if (!made) this.city.tell(t("command_pending"));
        try { sessionStorage.removeItem(KEPT); } catch { /* as above */ }
        form.reset();
        note.value = "";
        whom.hidden = true;
        to.required = false;
        await this.load();
      }).finally(() => { submitter.disabled = false; });
    } }, el("fieldset", { class: "options two" }, el("legend", { class: "unseen" }, t("field_kind")), kind("entry"), kind("handover")), whom,
    el("label", { for: "note" }, t("field_shift_note")), note,
    el("p", { class: "quiet small" }, t("shift_counts_hint")), el("button", { type: "submit", class: "big primary" }, t("write_down")));
  }

  async load() {
    await this.fetch(null);
    this.drawNow();
  }

  async refresh() {
    if (this.entries.size <= 50) await this.fetch(null);
    this.drawNow();
  }

  take() {
    this.drawNow();
  }

  async fetch(cursor) {
    const page = await api.get("shift-log", { cursor, limit: 50 });
    if (!cursor) this.entries = new Map();
    for (const entry of page.items) this.entries.set(entry.id, entry);
    this.next = page.next;
    reconcile(this.list, [...this.entries.values()], (entry) => entry.id, (entry) => entry, item);
    this.empty.hidden = this.entries.size > 0;
    this.more.hidden = !this.next;
  }

  drawNow() {
    const overview = this.city.overview;
    if (!overview) return;
    const counts = {};
    for (const noun of ["alerts", "tickets", "devices"]) {
      for (const [state, count] of Object.entries(overview[noun])) counts[`${noun}_${state}`] = count;
    }
    put(this.now, el("h3", {}, t("open_now")), tally(counts));
  }

  async select() { /* nothing to choose */ }

  close() { /* nothing is held */ }
}

function item(entry) {
  return el("li", { class: `card shift shift-${entry.kind}` },
    el("p", { class: "row" }, el("b", {}, entry.kind === "handover" ? t("handed_over", { from: entry.actor, to: entry.to }) : entry.actor),
      el("span", { class: "quiet end" }, instant(entry.at))),
    el("p", { class: "text" }, entry.note), tally(entry.counts));
}

/** What is open, by name; what is none is not said. */
function tally(counts) {
  const told = SHOWN.filter((name) => counts[name]);
  if (!told.length) return el("p", { class: "quiet" }, t("nothing_open"));
  return el("ul", { class: "row tally" }, told.map((name) => el("li", { class: "pill" }, t(`count_${name}`), " ", el("b", {}, number(counts[name])))));
}
