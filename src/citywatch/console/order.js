// A work order: one ticket with all that a crew needs of it. The same on a phone in the field and beside the list at a desk.

import * as api from "./api.js";
import { elsewhere, facts } from "./alerts.js";
import * as clocks from "./clocks.js";
import { el, put } from "./dom.js";
import { ago, dayInstant, instant, repair, repairExplained, word } from "./format.js";
import { MoveForm, atOnce, make, moveButtons } from "./moves.js";
import { Album } from "./photos.js";
import { t } from "./words.js";

const OVER = new Set(["verified", "closed"]);

export class OrderView {
  /** `onChange(ticket)` is called after a move; `beside`: it stands beside a list, and can be opened alone. */
  constructor(city, onChange = () => {}, beside = false) {
    this.city = city;
    this.beside = beside;
    this.onChange = onChange;
    this.album = new Album();
    this.drawn = new Map();
    this.sections = Object.fromEntries(["head", "clocks", "seen", "place", "photos", "facts", "steps"].map((name) =>
      [name, el("section", { class: `order-${name}` })]));
    this.panel = el("div", { class: "order-panel" });
    this.actions = el("div", { class: "actions", role: "group", "aria-label": t("moves") });
    this.root = el("article", { class: "order" }, this.sections.head, this.sections.clocks, this.actions, this.panel,
      this.sections.seen, this.sections.place, this.sections.photos, this.sections.facts, this.sections.steps);
    this.timer = setInterval(() => this.drawClocks(), 10_000);
  }

  /** Show a ticket, or what has become of the one that is shown; what somebody is writing stays. */
  async show(id) {
    const order = this.city.mayRepair() ? await api.get(`tickets/${id}/order`) : null;
    const ticket = order?.ticket ?? await api.get(`tickets/${id}`);
    if (this.ticket?.id !== id) this.forget();
    this.ticket = ticket;
    this.order = order;
    this.asked = Date.now();
    this.draw();
  }

  forget() {
    this.form?.close();
    this.form = null;
    this.key = null;
    this.drawn.clear();
    this.album.close();
    put(this.panel);
  }

  /** Draw a section anew when what it shows has changed. */
  section(name, shown, build) {
    const looks = JSON.stringify(shown);
    if (this.drawn.get(name) === looks) return;
    this.drawn.set(name, looks);
    put(this.sections[name], ...[build()].flat(Infinity));
  }

  draw() {
    const { ticket, order, city } = this;
    const over = OVER.has(ticket.state);
    const { place, found } = order ?? {};
    const name = place?.name || city.nameOf(ticket.device);
    this.section("head", [ticket.state, ticket.fault, ticket.reason, ticket.exercise, ticket.team, ticket.reopened, ticket.outcome, ticket.hold_reason, ticket.excused_until, name, found], () => [
      ticket.exercise ? el("p", { class: "exercise-band" }, t("exercise_band")) : null,
      el("div", { class: "title" }, el("h2", {}, found?.title || repair(ticket))),
      el("p", { class: "where" }, el("b", {}, found && !place.name ? found.address || found.source : name), place?.place ? ` · ${place.place}` : ""),
      el("p", { class: "row" }, el("span", { class: `chip chip-ticket-${ticket.state}` }, t(`ticket_${ticket.state}`)),
        ticket.hold_reason ? el("span", {}, word("hold", ticket.hold_reason),
          ticket.hold_until ? ` · ${t("until", { when: dayInstant(ticket.hold_until) })}` : "") : null,
        ticket.excused_by ? el("span", {}, t("excused"),
          ticket.excused_until ? ` · ${t("until", { when: dayInstant(ticket.excused_until) })}` : "") : null,
        ticket.outcome && ["handled", "verified", "closed"].includes(ticket.state) ? el("span", {}, word("outcome", ticket.outcome)) : null,
        ticket.team ? el("span", { class: "quiet" }, t("of_team", { team: ticket.team })) : null,
        ticket.reopened ? el("span", { class: "chip chip-warning" }, t("reopened_times", { count: ticket.reopened })) : null,
        el("span", { class: "quiet" }, ago(ticket.filed_at))),
      el("p", { class: "lead" }, found ? found.note || t("found_by", { source: found.source }) : repairExplained(ticket)),
      el("p", { class: "quiet" }, t(about(ticket))),
    ]);
    this.drawClocks();
    this.drawActions();
    this.section("seen", [order?.pictures, order?.coarse], () => this.seen());
    this.section("place", [order?.place, order?.way, found], () => this.place());
    this.section("photos", [order?.photos], () => this.photos());
    this.section("facts", [ticket, city.nameOf(ticket.device)], () => [el("h3", {}, t("details")), facts(this.rows())]);
    this.section("steps", [ticket.steps], () => [el("h3", {}, t("steps")), this.steps()]);
    if (over && this.form && !order?.moves.includes(this.form.move)) this.close_form();
  }

  drawClocks() {
    if (this.ticket) put(this.sections.clocks, ...clocks.faces(this.ticket, this.asked));
  }

  drawActions() {
    const moves = this.order?.moves ?? [];
    const looks = JSON.stringify([moves, this.form?.move]);
    if (this.drawn.get("actions") === looks) return;
    this.drawn.set("actions", looks);
    put(this.actions, ...moveButtons(moves, this.form?.move, (move, button) => this.choose(move, button)),
      el("span", { class: "row others" },
        this.ticket.alert ? el("a", { class: "button plain", href: `#/alerts/${this.ticket.alert}` }, t("open_alert")) : null,
        this.order && this.beside ? el("a", { class: "button plain", href: `#/order/${this.ticket.id}` }, t("page_order")) : null));
  }

  async choose(move, button) {
    if (atOnce(move)) {
      button.disabled = true;
      await this.city.guarded(async () => {
        this.key ??= api.word();
        try {
          const changed = await make(this.ticket.id, move, move === "accept" ? undefined : {}, this.key);
          this.key = null;
          if (!changed) this.city.tell(t("command_pending"));
          await this.done();
        } catch (error) {
          if (error.status) this.key = null;
          throw error;
        } finally {
          button.disabled = false;
        }
      });
      return;
    }
    if (this.form?.move === move) {
      this.close_form();
      return;
    }
    this.form?.close();
    this.form = new MoveForm(this.city, this.ticket.id, move, () => this.city.guarded(() => this.done()), () => this.close_form());
    put(this.panel, this.form.root);
    this.drawActions();
    this.form.root.scrollIntoView({ block: "nearest" });
    this.form.root.querySelector("textarea, input:not([type=file]), select")?.focus({ preventScroll: true });
  }

  close_form() {
    this.form?.close();
    this.form = null;
    put(this.panel);
    this.drawActions();
  }

  async done() {
    this.close_form();
    await this.show(this.ticket.id);
    this.onChange(this.ticket);
  }

  /** What was seen before, at the fault and last. */
  seen() {
    const { order, ticket } = this;
    if (!order) return this.city.who.role === "viewer" ? el("p", { class: "quiet" }, t("pictures_not_for_role")) : null;
    if (!order.pictures.length) return null;
    return [el("h3", {}, t("what_was_seen")),
      order.coarse ? el("p", { class: "quiet small" }, t("pictures_coarse")) : null,
      el("div", { class: "pictures" }, order.pictures.map((picture) => {
        const label = word("seen", picture.what);
        return el("figure", {}, this.album.frame(`tickets/${ticket.id}/pictures/${picture.name}`, label),
          el("figcaption", {}, picture.at ? `${label} · ${dayInstant(picture.at)}` : label));
      }))];
  }

  photos() {
    const { order, ticket } = this;
    if (!order?.photos.length) return null;
    return [el("h3", {}, t("photos_of_repair")), el("div", { class: "pictures" }, order.photos.map((photo) =>
      el("figure", {}, this.album.frame(`tickets/${ticket.id}/pictures/${photo.photo}`, t("photo_taken")),
        el("figcaption", {}, `${photo.actor} · ${dayInstant(photo.at)}`))))];
  }

  place() {
    const { order } = this;
    if (!order) return null;
    const { place, way, found } = order;
    const known = Boolean(place.kind || place.name || !found);
    const key = el("span", {}, way.has_key
      ? el("button", { class: "plain", title: t("show_key_hint"), onclick: () => this.city.guarded(async () => {
        put(key, (await api.get(`devices/${path(place.device)}/access`)).key);
      }) }, t("show_key")) : "–");
    return [el("h3", {}, t("where_and_how")), facts([
      [t("field_place"), place.place || found?.address || "–"],
      found && found.lat !== null ? [t("field_map"), el("a", { class: "call", href: `geo:${found.lat},${found.lon}?q=${found.lat},${found.lon}` },
        `${found.lat}, ${found.lon}`)] : null,
      ...(known ? [[t("field_site"), place.site || "–"],
      [t("field_way"), way.access || "–"],
      [t("field_contact"), way.contact ? telephone(way.contact) : "–"],
      [t("field_key"), key]] : []),
    ].filter(Boolean)),
    way.changed_by ? el("p", { class: "quiet small" }, t("way_by", { name: way.changed_by, when: instant(way.changed_at) })) : null,
    known ? el("button", { class: "plain", onclick: (event) => this.editWay(event.currentTarget) }, t("edit_way")) : null];
  }

  editWay(button) {
    const { place } = this.order;
    button.disabled = true;
    this.city.guarded(async () => {
      const known = await api.get(`devices/${path(place.device)}/access`);
      const field = (name, label) => [el("label", { for: `way-${name}` }, label),
        el("textarea", { id: `way-${name}`, name, rows: 2, maxlength: 1000, value: known[name] })];
      put(this.sections.place, el("form", { class: "card", onsubmit: (event) => {
        event.preventDefault();
        const told = Object.fromEntries(new FormData(event.currentTarget));
        this.city.guarded(async () => {
          await api.command(`devices/${path(place.device)}/access`, told, { method: "PUT" });
          this.drawn.delete("place");
          await this.show(this.ticket.id);
        });
      } }, el("h3", {}, t("where_and_how")), field("access", t("field_way")), field("contact", t("field_contact")), field("key", t("field_key")),
      el("p", { class: "quiet small" }, t("key_hint")),
      el("div", { class: "row" }, el("button", { type: "submit", class: "big primary" }, t("save")),
        el("button", { type: "button", class: "big", onclick: () => { this.drawn.delete("place"); this.draw(); } }, t("cancel_form")))));
    }).finally(() => { button.disabled = false; });
  }

  rows() {
    const { ticket, city } = this;
    return [
      ...(elsewhere(ticket.device) ? [[t("label_source"), ticket.labels.source]] : [
        [t("field_device"), el("a", { href: `#/fleet/${encodeURIComponent(ticket.device)}` }, city.nameOf(ticket.device))],
        [t("field_device_id"), ticket.device]]),
      [t("field_reason"), word("reason", ticket.reason)],
      ticket.first_bad_at ? [t("field_first_bad"), instant(ticket.first_bad_at)] : null,
      [t("field_accepted"), ticket.accepted_at ? `${instant(ticket.accepted_at)} · ${ticket.accepted_by}` : t("nobody_yet")],
      ticket.first_good_at ? [t("field_first_good"), instant(ticket.first_good_at)] : null,
      ticket.contractor ? [t("field_contractor"), ticket.contractor] : null,
      ticket.parts?.length ? [t("parts_used"), ticket.parts.map((one) => `${one.part} × ${one.count}`).join("; ")] : null,
      ticket.resolution ? [t("field_resolution"), word("ticket_end", ticket.resolution)] : null,
      ticket.merged_into ? [t("field_merged_into"), el("a", { href: `#/tickets/${ticket.merged_into}` }, ticket.merged_into.slice(-8))] : null,
      [t("field_id"), el("code", {}, ticket.id)],
    ].filter(Boolean);
  }

  steps() {
    return el("ol", { class: "steps" }, this.ticket.steps.map((step) => el("li", {},
      el("b", {}, word("step", step.step)), " ",
      el("span", { class: "quiet" }, `${instant(step.at)} · ${step.actor || t("the_system")}`),
      said(step) ? el("span", {}, ` · ${said(step)}`) : null,
      step.note ? el("p", { class: "note" }, step.note) : null,
      step.detail.parts?.length ? el("p", { class: "quiet" }, step.detail.parts.map((one) => `${one.part} × ${one.count}`).join("; ")) : null)));
  }

  close() {
    clearInterval(this.timer);
    this.form?.close();
    this.album.close();
  }
}

/** What happens next, in a sentence. */
function about(ticket) {
  if (ticket.state === "closed") return ticket.resolution === "verified" ? "ticket_over_about" : "ticket_ended_about";
  if (ticket.state === "handled") return "ticket_handled_about";
  return ticket.verifiable === false ? "ticket_about_person" : "ticket_about";
}

/** What a step says beside its note: an outcome, why it waits, whose it is. */
function said(step) {
  switch (step.step) {
    case "handled": return word("outcome", step.detail.outcome ?? step.reason);
    case "held": return word("hold", step.detail.reason ?? step.reason);
    case "closed": return word("ticket_end", step.reason);
    case "reopened": return word("reopen", step.reason);
    case "warned":
    case "breached": return word("clock", step.detail.clock ?? step.reason);
    case "dispatched": return step.detail.team ?? "";
    default: return "";
  }
}

function path(device) {
  return device.split("/").map(encodeURIComponent).join("/");
}

/** A text with its telephone number to be called by a touch. */
function telephone(text) {
  const found = /\+?\d[\d ()-]{5,}\d/.exec(text);
  if (!found) return text;
  return [text.slice(0, found.index), el("a", { class: "call", href: `tel:${found[0].replace(/[^\d+]/g, "")}` }, found[0]),
    text.slice(found.index + found[0].length)];
}

export class OrderPage {
  constructor(city) {
    this.city = city;
    this.view = new OrderView(city);
    this.empty = el("p", { class: "empty" }, t("choose_ticket"));
    this.root = el("div", { class: "order-page", tabindex: "-1" },
      el("a", { class: "back-link", href: "#/tickets" }, `‹ ${t("back_to_tickets")}`), this.empty, this.view.root);
  }

  async load() { /* the ticket is chosen by its address */ }

  async refresh() {
    if (this.id) await this.view.show(this.id);
  }

  take({ alert }) {
    if (this.view.ticket && alert.ticket === this.id) this.city.guarded(() => this.refresh());
  }

  async select(id) {
    this.id = id;
    this.empty.hidden = Boolean(id);
    this.view.root.hidden = !id;
    if (id) await this.view.show(id);
  }

  close() {
    this.view.close();
  }
}
