// Repair tickets: who looks after which fault, and every step that was taken.

import * as api from "./api.js";
import { el, put, reconcile } from "./dom.js";
import { facts } from "./alerts.js";
import { ago, instant, repair, repairExplained, shortInstant, word } from "./format.js";
import { t } from "./words.js";

export class TicketsPage {
  constructor(city) {
    this.city = city;
    this.tickets = new Map();
    this.cursors = {};
    this.over = false;
    this.selected = null;
    this.shown = null;
    this.list = el("ul", { class: "list", id: "tickets", "aria-label": t("page_tickets") });
    this.empty = el("p", { class: "empty", hidden: true }, t("no_tickets"));
    this.more = el("button", { class: "plain more", hidden: true, onclick: () => city.guarded(() => this.loadMore()) }, t("load_more"));
    this.detail = el("section", { class: "detail card", "aria-label": t("details"), tabindex: "-1" });
    this.root = el("div", { class: "split" },
      el("section", { class: "column" }, this.controls(), this.empty, this.list, this.more), this.detail);
    this.drawDetail();
  }

  controls() {
    const tab = (over, key) => el("button", {
      class: "choice", "aria-pressed": String(this.over === over), onclick: (event) => {
        this.over = over;
        for (const other of event.currentTarget.parentNode.children) {
          other.setAttribute("aria-pressed", String(other === event.currentTarget));
        }
        this.city.guarded(() => this.load());
      },
    }, t(key));
    return el("div", { class: "controls" }, el("div", { class: "choices", role: "group", "aria-label": t("filter_state") },
      tab(false, "tickets_current"), tab(true, "tickets_over")));
  }

  states() {
    return this.over ? ["closed"] : ["filed", "accepted"];
  }

  async load() {
    const found = new Map();
    const cursors = {};
    await Promise.all(this.states().map((state) => this.fetchPage(state, null, found, cursors)));
    this.tickets = found;
    this.cursors = cursors;
    this.draw();
  }

  async loadMore() {
    const waiting = Object.entries(this.cursors).filter(([, cursor]) => cursor);
    await Promise.all(waiting.map(([state, cursor]) => this.fetchPage(state, cursor, this.tickets, this.cursors)));
    this.draw();
  }

  async fetchPage(state, cursor, found, cursors) {
    const page = await api.get("tickets", { state, cursor, limit: 100 });
    for (const ticket of page.items) found.set(ticket.id, ticket);
    cursors[state] = page.next;
  }

  async refresh() {
    await this.load();
    if (this.selected && !this.detail.contains(document.activeElement)) await this.open(this.selected);
  }

  /** Tickets are opened and closed together with the alerts of their faults. */
  take({ alert }) {
    if (!alert.ticket) return;
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.city.guarded(() => this.refresh()), 500);
  }

  async select(id) {
    this.selected = id;
    this.root.classList.toggle("has-detail", Boolean(id));
    this.draw();
    await this.open(id);
    if (id) this.detail.focus({ preventScroll: true });
  }

  async open(id) {
    this.shown = id ? await api.get(`tickets/${id}`) : null;
    this.drawDetail();
  }

  draw() {
    const sorted = [...this.tickets.values()].sort((a, b) =>
      a.filed_at < b.filed_at ? 1 : a.filed_at > b.filed_at ? -1 : a.id < b.id ? 1 : -1);
    reconcile(this.list, sorted, (ticket) => ticket.id,
      (ticket) => [ticket, ticket.id === this.selected, this.city.nameOf(ticket.device)], (ticket) => this.item(ticket));
    this.empty.hidden = sorted.length > 0;
    this.more.hidden = !Object.values(this.cursors).some(Boolean);
  }

  item(ticket) {
    return el("li", {}, el("a", {
      class: `item item-ticket-${ticket.state}`, href: `#/tickets/${ticket.id}`,
      "aria-current": ticket.id === this.selected ? "true" : null,
    },
    el("span", { class: "what" }, el("span", { class: "line" }, el("b", {}, repair(ticket))),
      el("span", { class: "quiet" }, this.city.nameOf(ticket.device))),
    el("span", { class: "when" },
      el("time", { datetime: ticket.filed_at, title: instant(ticket.filed_at) }, shortInstant(ticket.filed_at)),
      el("span", { class: `chip chip-ticket-${ticket.state}` }, t(`ticket_${ticket.state}`)))));
  }

  drawDetail() {
    const ticket = this.shown;
    if (!ticket) {
      put(this.detail, el("p", { class: "empty" }, t("choose_ticket")));
      return;
    }
    const over = ["verified", "closed"].includes(ticket.state);
    put(
      this.detail,
      el("a", { class: "back", href: "#/tickets" }, `‹ ${t("back")}`),
      el("div", { class: "title" }, el("h2", {}, repair(ticket))),
      el("p", { class: "row" }, el("span", { class: `chip chip-ticket-${ticket.state}` }, t(`ticket_${ticket.state}`)),
        el("span", { class: "quiet" }, ago(ticket.filed_at))),
      el("p", { class: "lead" }, repairExplained(ticket)),
      el("p", { class: "quiet" }, t(over ? "ticket_over_about" : "ticket_about")),
      el("p", { class: "row" },
        ticket.state === "filed" && this.city.mayRepair()
          ? el("button", { class: "primary", id: "accept", onclick: (event) => {
            event.currentTarget.disabled = true;
            this.send("accept", undefined, event.currentTarget);
          } }, t("accept")) : null,
        el("a", { class: "button", href: `#/alerts/${ticket.alert}` }, t("open_alert"))),
      facts([
        [t("field_device"), el("a", { href: `#/fleet/${encodeURIComponent(ticket.device)}` }, this.city.nameOf(ticket.device))],
        [t("field_device_id"), ticket.device],
        [t("field_place"), this.city.placeOf(ticket.device) || "–"],
        [t("field_reason"), word("reason", ticket.reason)],
        [t("field_first_bad"), instant(ticket.first_bad_at)],
        [t("field_accepted"), ticket.accepted_at ? `${instant(ticket.accepted_at)} · ${ticket.accepted_by}` : t("nobody_yet")],
        ...(ticket.first_good_at ? [[t("field_first_good"), instant(ticket.first_good_at)]] : []),
        [t("field_id"), el("code", {}, ticket.id)],
      ]),
      el("h3", {}, t("steps")),
      el("ol", { class: "steps" }, ticket.steps.map((step) => el("li", {},
        el("b", {}, t(`step_${step.step}`)), " ",
        el("span", { class: "quiet" }, `${instant(step.at)} · ${step.actor || t("the_system")}`),
        step.note ? el("p", { class: "note" }, step.note) : null))),
      !over && this.city.mayRepair() ? this.noteForm() : null,
    );
  }

  noteForm() {
    const { id } = this.shown;
    const field = el("textarea", { id: "note", rows: 3, maxlength: 2000, required: true,
      oninput: () => { this.draft = { id, text: field.value }; } });
    // The page is drawn afresh every few seconds; what somebody is writing outlives that.
    if (this.draft?.id === id) field.value = this.draft.text;
    return el("form", { onsubmit: (event) => {
      event.preventDefault();
      this.send("note", { note: field.value }, event.submitter);
    } }, el("label", { for: "note" }, t("add_note")), field, el("button", { type: "submit" }, t("save_note")));
  }

  async send(what, body, button) {
    const id = this.shown.id;
    await this.city.guarded(async () => {
      try {
        const changed = await api.command(`tickets/${id}/${what}`, body);
        if (what === "note") this.draft = null;
        if (!changed) this.city.tell(t("command_pending"));
        else if (this.shown?.id === id) {
          this.shown = changed;
          this.drawDetail();
        }
        await this.load();
      } catch (error) {
        if (button) button.disabled = false;
        if (error.document?.reason) throw new api.Problem(error.status, { detail: word("refused", error.document.reason) });
        throw error;
      }
    });
  }

  close() {
    clearTimeout(this.soon);
  }
}
