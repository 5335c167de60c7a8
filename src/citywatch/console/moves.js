// What people do with a ticket: a button for each move, and the few words that some of them need.

import * as api from "./api.js";
import { el, put } from "./dom.js";
import { word } from "./format.js";
import { PhotoTray } from "./photos.js";
import { t } from "./words.js";

export const HOLD_REASONS = ["awaiting_parts", "awaiting_access", "awaiting_power", "awaiting_network", "awaiting_permission",
  "weather", "planned", "other"];
export const OUTCOMES = ["repaired", "replaced", "nothing_found", "not_repairable"];
const AT_ONCE = new Set(["accept", "resume"]);
const CAREFUL = new Set(["cancel", "merge"]);
const NOTE_NEEDED = new Set(["note", "cancel", "reopen", "verify"]);

/** A button for each move that is allowed now; the first is the one that is expected next. */
export function moveButtons(moves, chosen, onMove) {
  return moves.map((move, place) => el("button", {
    class: `big ${place === 0 && move !== "note" ? "primary" : ""} ${CAREFUL.has(move) ? "careful" : ""}`, id: `move-${move}`,
    "aria-expanded": AT_ONCE.has(move) ? null : String(move === chosen),
    onclick: (event) => onMove(move, event.currentTarget),
  }, t(`move_${move}`)));
}

export function atOnce(move) {
  return AT_ONCE.has(move);
}

/** Do a move. Returns the ticket after it, or null when that is not decided yet. */
export async function make(ticket, move, body, key) {
  try {
    return await api.command(`tickets/${ticket}/${move}`, body, { key });
  } catch (error) {
    if (error.document?.reason) throw new api.Problem(error.status, { ...error.document, detail: word("refused", error.document.reason) });
    throw error;
  }
}

/** The form of one move. It holds what somebody writes until it is sent: nothing is lost when the network is. */
export class MoveForm {
  constructor(city, ticket, move, onDone, onCancel) {
    this.city = city;
    this.ticket = ticket;
    this.move = move;
    this.onDone = onDone;
    this.key = api.word();
    this.kept = `citywatch.draft.${ticket}.${move}`;
    this.tray = ["handle", "note"].includes(move) ? new PhotoTray(city, ticket, () => this.allow()) : null;
    this.parts = el("ul", { class: "parts" });
    this.problem = el("p", { class: "bad", role: "alert", hidden: true });
    this.submit = el("button", { type: "submit", class: "big primary" }, t(`send_${move}`));
    this.root = el("form", { class: "move card", id: `form-${move}`, "aria-label": t(`move_${move}`), onsubmit: (event) => {
      event.preventDefault();
      this.send();
    } },
    el("h3", {}, t(`move_${move}`)), this.fields(), this.problem,
    el("div", { class: "row" }, this.submit, el("button", { type: "button", class: "big", onclick: onCancel }, t("cancel_form"))));
  }

  fields() {
    const needed = NOTE_NEEDED.has(this.move);
    const note = this.area("note", needed ? t("field_note") : t("field_note_optional"), needed);
    switch (this.move) {
      case "handle": return [this.choices("outcome", t("field_outcome"), OUTCOMES), note, this.tray.root, this.partList()];
      case "hold": return [this.choices("reason", t("field_hold_reason"), HOLD_REASONS, "hold"),
        el("label", { for: "until" }, t("field_until_optional")), el("input", { id: "until", name: "until", type: "datetime-local" }), note];
      case "dispatch": return [el("label", { for: "team" }, t("field_team")), this.teams()];
      case "merge": return [el("label", { for: "into" }, t("field_merge_into")), this.others(), note];
      case "note": return [note, this.tray.root, this.partList()];
      default: return [note];
    }
  }

  area(name, label, required) {
    const field = el("textarea", { id: name, name, rows: 3, maxlength: 2000, required, oninput: () => {
      try { sessionStorage.setItem(this.kept, field.value); } catch { /* storage may be shut */ }
    } });
    try { field.value = sessionStorage.getItem(this.kept) ?? ""; } catch { /* as above */ }
    return [el("label", { for: name }, label), field];
  }

  choices(name, label, values, family = name) {
    return el("fieldset", { class: "options" }, el("legend", {}, label), values.map((value) => el("label", { class: "option" },
      el("input", { type: "radio", name, value, required: true }), el("span", {}, word(family, value)))));
  }

  teams() {
    const known = [...new Set([...this.city.teams ?? []])].sort();
    return [el("input", { id: "team", name: "team", list: "teams", required: true, maxlength: 100, autocomplete: "off" }),
      el("datalist", { id: "teams" }, known.map((team) => el("option", { value: team })))];
  }

  others() {
    const select = el("select", { id: "into", name: "into", required: true }, el("option", { value: "" }, t("choose_one")));
    this.city.guarded(async () => {
      const open = (await this.city.openTickets()).filter((other) => other.id !== this.ticket);
      select.append(...open.map((other) => el("option", { value: other.id },
        `${this.city.nameOf(other.device)} · ${word("fault", other.fault)}`)));
    });
    return select;
  }

  partList() {
    return el("fieldset", { class: "options" }, el("legend", {}, t("parts_used")), this.parts,
      el("button", { type: "button", onclick: () => this.addPart() }, t("add_part")));
  }

  addPart() {
    const row = el("li", { class: "row" },
      el("input", { name: "part", "aria-label": t("part_name"), placeholder: t("part_name"), maxlength: 100, required: true }),
      el("input", { name: "count", "aria-label": t("part_count"), type: "number", min: 1, max: 10000, value: "1", required: true, inputmode: "numeric" }),
      el("button", { type: "button", class: "plain", "aria-label": t("leave_out"), title: t("leave_out"), onclick: () => row.remove() }, "✕"));
    this.parts.append(row);
    row.querySelector("input").focus();
  }

  /** A form is not sent before its photos have arrived. */
  allow() {
    this.submit.disabled = Boolean(this.tray?.busy());
  }

  body() {
    const told = new FormData(this.root);
    const note = (told.get("note") ?? "").trim();
    const body = {};
    for (const name of ["outcome", "reason", "into"]) if (told.get(name)) body[name] = told.get(name);
    if (told.get("team")) body.team = told.get("team").trim();
    if (told.get("until")) body.until = new Date(told.get("until")).toISOString();
    if (told.has("note")) body.note = note;
    if (this.tray) {
      body.photos = this.tray.hashes();
      const counts = told.getAll("count");
      body.parts = told.getAll("part").map((part, place) => ({ part: part.trim(), count: Number(counts[place]) }));
    }
    return body;
  }

  async send() {
    this.submit.disabled = true;
    this.problem.hidden = true;
    try {
      const changed = await make(this.ticket, this.move, this.body(), this.key);
      try { sessionStorage.removeItem(this.kept); } catch { /* as above */ }
      if (!changed) this.city.tell(t("command_pending"));
      this.onDone(changed);
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      // The same word again only for the same command: what was refused is a new one.
      if (error.status >= 400 && error.status < 500) this.key = api.word();
      put(this.problem, error.message);
      this.problem.hidden = false;
      this.submit.disabled = false;
    }
  }

  close() {
    this.tray?.close();
  }
}
