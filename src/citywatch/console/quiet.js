// What is quiet on purpose: silences, maintenance windows, and exercises. Three lists, each with its form.

import * as api from "./api.js";
import { el, put, reconcile } from "./dom.js";
import { dayInstant, instant, word } from "./format.js";
import { ALERT_LABELS, DEVICE_LABELS, MatcherField, described } from "./matchers.js";
import { t } from "./words.js";

const HOUR_MS = 3_600_000;
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const FAULTS = ["unreachable", "no_media", "stalled", "frozen", "black", "over_exposed", "covered", "partly_covered",
  "out_of_focus", "moved", "shaking", "colour_cast", "snow", "stripes", "mosaic", "low_contrast", "infrared_stuck",
  "low_frame_rate", "clock_wrong", "silent", "weight_drift", "speed_drift", "sides_unequal", "bad_records",
  "no_passes"];
const KINDS = ["silences", "windows", "exercises"];

export class QuietPage {
  constructor(city) {
    this.city = city;
    this.kind = "silences";
    this.tabs = el("div", { class: "choices", role: "group", "aria-label": t("page_quiet") });
    this.about = el("p", { class: "quiet about-kind" });
    this.form = el("div", {});
    this.list = el("ul", { class: "list", id: "quiet-list" });
    this.empty = el("p", { class: "empty", hidden: true });
    this.root = el("div", { class: "narrow" }, el("div", { class: "controls" }, this.tabs), this.about, this.form, this.empty, this.list);
  }

  /** `id`: which of the three, and what a new one is begun with: silences/device=cam-1&alert=frozen. */
  async select(id) {
    const [kind, begun] = (id ?? "silences").split("/");
    this.kind = KINDS.includes(kind) ? kind : "silences";
    put(this.tabs, ...KINDS.map((name) => el("a", {
      class: "button choice", href: `#/quiet/${name}`, "aria-current": name === this.kind ? "page" : null,
    }, t(`quiet_${name}`))));
    this.about.textContent = t(`about_${this.kind}`);
    this.empty.textContent = t(`no_${this.kind}`);
    const may = this.city.mayAcknowledge();
    put(this.form, may ? el("details", { class: "card", open: Boolean(begun) },
      el("summary", {}, t(`new_${this.kind}`)), this[`form_${this.kind}`](Object.fromEntries(new URLSearchParams(begun ?? "")))) : null);
    put(this.list);
    await this.load();
  }

  async load() {
    const kind = this.kind;
    const items = (await api.get(kind, kind === "exercises" ? { limit: 200 } : {})).items;
    if (kind !== this.kind) return;
    const order = (item) => (this.standing(item) === "over" ? 1 : 0);
    items.sort((a, b) => order(a) - order(b));
    reconcile(this.list, items, (item) => item.id, (item) => [item, this.standing(item)], (item) => this[`item_${kind}`](item));
    this.empty.hidden = items.length > 0;
  }

  async refresh() {
    await this.load();
  }

  take() { /* alerts change nothing here */ }

  /** Whether something is in force, still to come, or over. */
  standing(item) {
    const now = Date.now();
    if (item.ended_at || Date.parse(item.to ?? item.until) <= now) return "over";
    if (item.in_force === false) return "ahead";
    return Date.parse(item.from ?? item.started_at) > now ? "ahead" : "lasting";
  }

  frame(item, title, body, end) {
    const standing = this.standing(item);
    return el("li", { class: `card quiet-item quiet-${standing}` },
      el("div", { class: "row" }, el("span", { class: `chip chip-${standing}` }, t(`standing_${standing}`)), title, el("span", { class: "end" }, end)), body);
  }

  ending(item, path, label, question, late = false) {
    if (!this.city.mayAcknowledge() || (!late && this.standing(item) === "over")) return null;
    return el("button", { class: late ? "plain careful" : null, onclick: (event) => {
      if (!confirm(question)) return;
      event.currentTarget.disabled = true;
      const button = event.currentTarget;
      this.city.guarded(async () => {
        try {
          if (!await api.command(path, undefined, { method: "DELETE" })) this.city.tell(t("command_pending"));
        } catch (error) {
          button.disabled = false;
          if (error.document?.reason) throw new api.Problem(error.status, { detail: word("refused", error.document.reason) });
          throw error;
        }
        await this.load();
      });
    } }, label);
  }

  item_silences(item) {
    return this.frame(item, described(item.matcher), el("div", {},
      el("p", {}, item.reason),
      el("p", { class: "quiet small" }, `${t("from_to", { from: dayInstant(item.from), to: dayInstant(item.to) })} · ${t("set_by", { name: item.actor, when: instant(item.set_at) })}`)),
    this.ending(item, `silences/${item.id}`, t("end_silence"), t("end_silence_question")));
  }

  item_windows(item) {
    return this.frame(item, described(item.matcher), el("div", {},
      el("p", {}, item.reason, item.withdrawn ? el("span", { class: "chip chip-warning" }, t("withdrawn")) : null),
      item.weekly || item.times ? el("p", { class: "row" }, rule(item),
        item.next.length || this.standing(item) === "over" ? null : el("span", { class: "chip chip-warning" }, t("no_times"))) : null,
      item.next?.length && (item.weekly || item.times) ? el("p", { class: "quiet small" },
        t("next_times", { times: item.next.slice(0, 3).map((time) => `${dayInstant(time.from)} – ${dayInstant(time.to)}`).join("; ") })) : null,
      el("p", { class: "quiet small" }, `${t("from_to", { from: dayInstant(item.from), to: dayInstant(item.to) })} · ${t("set_by", { name: item.actor, when: instant(item.set_at) })}`)),
    [this.ending(item, `windows/${item.id}`, t("end_window"), t("end_window_question")),
      item.withdrawn ? null : this.ending(item, `windows/${item.id}?withdraw=true`, t("withdraw_window"), t("withdraw_question"), true)]);
  }

  item_exercises(item) {
    return this.frame(item, [el("b", {}, word("fault", item.fault)), el("span", {}, this.city.nameOf(item.device))], el("div", {},
      item.note ? el("p", {}, item.note) : null,
      el("p", { class: "row" }, el("a", { href: `#/alerts/${item.alert}` }, t("open_alert")), el("a", { href: `#/tickets/${item.ticket}` }, t("open_ticket"))),
      el("p", { class: "quiet small" }, `${t("from_to", { from: dayInstant(item.started_at), to: dayInstant(item.ended_at ?? item.until) })} · ${t("started_by", { name: item.started_by })}`)),
    this.ending(item, `exercises/${item.id}`, t("end_exercise"), t("end_exercise_question")));
  }

  /** A form that says what is wrong in its own place. `told()` gives the body. */
  framed(kind, fields, told) {
    const problem = el("p", { class: "bad", role: "alert", hidden: true });
    let key = api.word();
    return el("form", { id: `new-${kind}`, onsubmit: (event) => {
      event.preventDefault();
      const { submitter, currentTarget: form } = event;
      submitter.disabled = true;
      problem.hidden = true;
      (async () => {
        try {
          const made = await api.command(kind, await told(form), { key });
          key = api.word();
          if (!made) this.city.tell(t("command_pending"));
          form.closest("details").open = false;
          await this.load();
        } catch (error) {
          if (!(error instanceof api.Problem)) throw error;
          if (error.status) key = api.word();
          put(problem, error.document?.reason ? word("refused", error.document.reason) : error.message);
          problem.hidden = false;
        } finally {
          submitter.disabled = false;
        }
      })();
    } }, fields, problem, el("button", { type: "submit", class: "big primary" }, t(`send_${kind}`)));
  }

  span(from, to) {
    const field = (name, label, at) => el("div", {}, el("label", { for: name }, label),
      el("input", { id: name, name, type: "datetime-local", required: true, value: forInput(at) }));
    return el("div", { class: "row span" }, field("from", t("field_from"), from), field("to", t("field_to"), to));
  }

  reason() {
    return [el("label", { for: "reason" }, t("field_why")), el("textarea", { id: "reason", name: "reason", rows: 2, maxlength: 500, required: true })];
  }

  form_silences(begun) {
    const matcher = new MatcherField(ALERT_LABELS, begun);
    const now = new Date();
    const span = this.span(now, new Date(now.getTime() + 2 * HOUR_MS));
    const quick = [2, 8, 24].map((hours) => el("button", { type: "button", onclick: () => {
      span.querySelector("#to").value = forInput(new Date(Date.now() + hours * HOUR_MS));
    } }, t("for_hours", { hours })));
    return this.framed("silences", [matcher.root, span, el("div", { class: "row" }, quick), this.reason()],
      (form) => ({ matcher: matcher.value(), from: fromInput(form.from), to: fromInput(form.to), reason: form.reason.value.trim() }));
  }

  form_windows(begun) {
    const matcher = new MatcherField(DEVICE_LABELS, begun);
    const now = new Date();
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const weekly = el("fieldset", { class: "options", hidden: true }, el("legend", {}, t("weekly_hours")),
      el("div", { class: "row" }, DAYS.map((day) => el("label", { class: "check" }, el("input", { type: "checkbox", name: "day", value: day }), t(`day_${day}`)))),
      el("label", { for: "hours" }, t("hours_of_day")), el("input", { id: "hours", name: "hours", placeholder: "22:00-06:00", maxlength: 100 }),
      el("p", { class: "quiet small" }, t("hours_zone", { zone })));
    const file = el("input", { id: "calendar", type: "file", accept: ".ics,text/calendar" });
    const calendar = el("div", { hidden: true }, el("label", { for: "calendar" }, t("calendar_file")), file);
    const span = this.span(now, new Date(now.getTime() + 4 * HOUR_MS));
    const when = el("select", { id: "when", name: "when", onchange: () => {
      const [from, to] = ["#from", "#to"].map((field) => span.querySelector(field));
      // Hours of the week need some weeks to be worth declaring.
      if (when.value !== "once" && new Date(to.value) - new Date(from.value) < 24 * HOUR_MS) {
        to.value = forInput(new Date(new Date(from.value).getTime() + 28 * 24 * HOUR_MS));
      }
      weekly.hidden = when.value !== "weekly";
      calendar.hidden = when.value !== "calendar";
    } }, el("option", { value: "once" }, t("when_once")), el("option", { value: "weekly" }, t("when_weekly")),
    el("option", { value: "calendar" }, t("when_calendar")));
    return this.framed("windows", [matcher.root, span,
      el("label", { for: "when" }, t("field_when")), when, weekly, calendar, this.reason(), el("p", { class: "quiet small" }, t("window_back"))], async (form) => {
      const body = { matcher: matcher.value(), from: fromInput(form.from), to: fromInput(form.to), reason: form.reason.value.trim() };
      if (when.value === "weekly") {
        body.weekly = { days: [...form.querySelectorAll("[name=day]:checked")].map((day) => day.value),
          hours: form.hours.value.split(/[,，]/).map((one) => one.trim()).filter(Boolean), zone };
      }
      if (when.value === "calendar" && file.files.length) body.ical = await file.files[0].text();
      return body;
    });
  }

  form_exercises(begun) {
    const devices = [...this.city.devices.values()].filter((device) => device.state !== "removed");
    return this.framed("exercises", [
      el("label", { for: "device" }, t("field_device")),
      el("input", { id: "device", name: "device", list: "devices", required: true, autocomplete: "off", value: begun.device ?? "" }),
      el("datalist", { id: "devices" }, devices.slice(0, 2000).map((device) => el("option", { value: device.device }, device.name))),
      el("label", { for: "fault" }, t("field_played")),
      el("select", { id: "fault", name: "fault" }, FAULTS.map((fault) => el("option", { value: fault }, word("fault", fault)))),
      el("label", { for: "minutes" }, t("field_minutes")),
      el("input", { id: "minutes", name: "minutes", type: "number", min: 1, max: 2880, value: "60", required: true, inputmode: "numeric" }),
      el("label", { for: "note" }, t("field_note_optional")),
      el("textarea", { id: "note", name: "note", rows: 2, maxlength: 500 }),
    ], (form) => ({ device: form.device.value.trim(), fault: form.fault.value, minutes: Number(form.minutes.value), note: form.note.value.trim() }));
  }

  close() { /* nothing is held */ }
}

/** When a window holds, in words. */
function rule(found) {
  if (found.weekly) {
    return t("weekly_rule", { days: found.weekly.days.map((day) => t(`day_${day}`)).join(" "), hours: found.weekly.hours.join(", "), zone: found.weekly.zone });
  }
  return t("times_rule", { count: found.times });
}

/** A local instant as an input of a form takes it. */
function forInput(at) {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

function fromInput(field) {
  return new Date(field.value).toISOString();
}
