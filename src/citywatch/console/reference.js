// The API for people who write programs: the OpenAPI document, drawn plainly.

import * as api from "./api.js";
import { el, put } from "./dom.js";
import { t } from "./words.js";

export class ReferencePage {
  constructor() {
    this.root = el("article", { class: "reference" });
  }

  async load() {
    const document = await api.get("openapi.json");
    const groups = new Map(document.tags.map((tag) => [tag.name, { about: tag.description, operations: [] }]));
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        groups.get(operation.tags[0])?.operations.push({ path, method, ...operation });
      }
    }
    put(
      this.root,
      el("h1", {}, `${document.info.title} API ${document.info.version}`),
      el("p", { class: "quiet" }, t("reference_about")),
      el("pre", { class: "about" }, document.info.description.trim()),
      [...groups].filter(([, group]) => group.operations.length).map(([name, group]) => el("section", {},
        el("h2", {}, name), el("p", { class: "quiet" }, group.about),
        group.operations.map((operation) => draw(operation)))),
    );
  }

  async select() { /* nothing to choose */ }
}

function draw(operation) {
  const parameters = operation.parameters ?? [];
  const body = operation.requestBody?.content?.["application/json"];
  const example = body?.example ?? Object.values(body?.examples ?? {})[0]?.value;
  return el("details", { class: "card" },
    el("summary", {}, el("code", { class: `method method-${operation.method}` }, operation.method.toUpperCase()), " ",
      el("code", {}, operation.path), " ", el("span", { class: "quiet" }, operation.summary)),
    el("p", { class: "text" }, operation.description),
    parameters.length ? el("table", {}, el("tbody", {}, parameters.map((parameter) => el("tr", {},
      el("th", { scope: "row" }, el("code", {}, parameter.name)), el("td", { class: "quiet" }, parameter.in),
      el("td", {}, parameter.description ?? parameter.schema?.description ?? ""))))) : null,
    example ? el("pre", {}, JSON.stringify(example, null, 2)) : null,
    el("ul", { class: "answers" }, Object.entries(operation.responses).map(([status, answer]) =>
      el("li", {}, el("code", {}, status), " ", answer.description))));
}
