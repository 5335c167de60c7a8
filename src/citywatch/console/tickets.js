// Repair tickets: whose is which fault, how much time is left, and the work order of the one that is chosen.

import { elsewhere } from "./alerts.js";
import * as api from "./api.js";
import { pressing } from "./clocks.js";
import { el, put, reconcile } from "./dom.js";
import { instant, repair, shortInstant, word } from "./format.js";
import { OrderView } from "./order.js";
import { t } from "./words.js";

const OPEN = ["filed", "dispatched", "accepted", "on_hold", "handled", "verified"];
const PAGE = 100;

export class TicketsPage {
  constructor(city) {
    this.city = city;
    this.tickets = new Map();
    this.cursors = {};
    this.filters = { state: "", team: city.who.team ?? "", due: "" };
    this.selected = null;
    this.list = el("ul", { class: "list", id: "tickets", "aria-label": t("page_tickets") });
    this.empty = el("p", { class: "empty", hidden: true }, t("no_tickets"));
    this.more = el("button", { class: "plain more", hidden: true, onclick: () => city.guarded(() => this.loadMore()) }, t("load_more"));
    this.view = new OrderView(city, () => this.city.guarded(() => this.load()), true);
    this.nothing = el("p", { class: "empty" }, t("choose_ticket"));
    this.detail = el("section", { class: "detail card", "aria-label": t("details"), tabindex: "-1" },
      el("a", { class: "back", href: "#/tickets" }, `‹ ${t("back")}`), this.nothing, this.view.root);
    this.root = el("div", { class: "split" },
      el("section", { class: "column" }, this.controls(), this.empty, this.list, this.more), this.detail);
    this.view.root.hidden = true;
    this.clock = setInterval(() => this.draw(), 30_000);
  }

  controls() {
    const filter = (name) => (event) => {
      this.filters[name] = event.target.value;
      this.city.guarded(() => this.load());
    };
    this.teams = el("select", { "aria-label": t("filter_team"), onchange: filter("team") });
    this.drawTeams();
    return el("div", { class: "controls" },
      el("select", { id: "filter-state", "aria-label": t("filter_state"), onchange: filter("state") },
        el("option", { value: "" }, t("tickets_current")), [...OPEN, "closed"].map((state) => el("option", { value: state }, t(`ticket_${state}`)))),
      this.teams,
      el("label", { class: "check" }, el("input", { type: "checkbox", id: "filter-overdue", onchange: (event) => {
        this.filters.due = event.target.checked ? "true" : "";
        this.city.guarded(() => this.load());
      } }), t("only_overdue")));
  }

  drawTeams() {
    const teams = [...this.city.teams].sort();
    put(this.teams, el("option", { value: "" }, t("every_team")), ...teams.map((team) => el("option", { value: team }, team)));
    this.teams.value = this.filters.team;
    this.teams.hidden = !teams.length;
  }

  states() {
    return this.filters.state ? [this.filters.state] : OPEN;
  }

  async load() {
    const asked = JSON.stringify(this.filters);
    const found = new Map();
    const cursors = {};
    await Promise.all(this.states().map((state) => this.fetchPage(state, null, found, cursors)));
    if (asked !== JSON.stringify(this.filters)) return; // somebody has chosen anew meanwhile
    this.tickets = found;
    this.cursors = cursors;
    this.asked = Date.now();
    for (const ticket of found.values()) if (ticket.team) this.city.teams.add(ticket.team);
    this.drawTeams();
    this.draw();
  }

  async loadMore() {
    const waiting = Object.entries(this.cursors).filter(([, cursor]) => cursor);
    await Promise.all(waiting.map(([state, cursor]) => this.fetchPage(state, cursor, this.tickets, this.cursors)));
    this.draw();
  }

  async fetchPage(state, cursor, found, cursors) {
    const page = await api.get("tickets", { state, team: this.filters.team, overdue: this.filters.due, cursor, limit: PAGE });
    for (const ticket of page.items) found.set(ticket.id, ticket);
    cursors[state] = page.next;
  }

  async refresh() {
    await this.load();
    if (this.selected) await this.view.show(this.selected);
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
    this.nothing.hidden = Boolean(id);
    this.view.root.hidden = !id;
    this.draw();
    if (id) {
      await this.view.show(id);
      this.detail.focus({ preventScroll: true });
    }
  }

  draw() {
    const sorted = [...this.tickets.values()].sort((a, b) => due(a) - due(b) || (a.filed_at < b.filed_at ? 1 : -1));
    reconcile(this.list, sorted, (ticket) => ticket.id,
      (ticket) => [ticket, ticket.id === this.selected, this.city.nameOf(ticket.device), Math.floor(Date.now() / 30_000)], (ticket) => this.item(ticket));
    this.empty.hidden = sorted.length > 0;
    this.more.hidden = !Object.values(this.cursors).some(Boolean);
  }

  item(ticket) {
    return el("li", {}, el("a", {
      class: `item item-ticket-${ticket.state}${ticket.exercise ? " item-exercise" : ""}`, href: `#/tickets/${ticket.id}`,
      "aria-current": ticket.id === this.selected ? "true" : null,
    },
    el("span", { class: "what" }, el("span", { class: "line" }, el("b", {}, repair(ticket))),
      el("span", { class: "quiet" }, [elsewhere(ticket.device) ? ticket.labels.source : this.city.nameOf(ticket.device), ticket.team].filter(Boolean).join(" · ")),
      el("span", { class: "row" }, ticket.exercise ? el("span", { class: "chip chip-exercise" }, t("exercise")) : null,
        pressing(ticket, this.asked))),
    el("span", { class: "when" },
      el("time", { datetime: ticket.filed_at, title: instant(ticket.filed_at) }, shortInstant(ticket.filed_at)),
      el("span", { class: `chip chip-ticket-${ticket.state}` }, t(`ticket_${ticket.state}`)),
      ticket.state === "on_hold" && ticket.hold_reason ? el("span", { class: "quiet small" }, word("hold", ticket.hold_reason)) : null)));
  }

  close() {
    clearTimeout(this.soon);
    clearInterval(this.clock);
    this.view.close();
  }
}

/** When the next running clock runs out: what is due first stands first. */
function due(ticket) {
  const ends = ["response", "repair"].map((name) => ticket[name])
    .filter((clock) => typeof clock?.left_s === "number" && clock.due_at).map((clock) => Date.parse(clock.due_at));
  return ends.length ? Math.min(...ends) : Number.MAX_SAFE_INTEGER;
}
