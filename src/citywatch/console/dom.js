// Building pages out of nodes. Text only ever becomes a text node: nothing that a device or a person wrote is markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `attributes`: "class", "aria-…", properties such as `onclick` (functions) and `value`; null leaves out. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...shown(children));
  return node;
}

function shown(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== "");
}

/** Make `children` the whole content of a container; null leaves out. */
export function put(container, ...children) {
  container.replaceChildren(...shown(children));
}

/** Make `container` hold one element per item, reusing those that look the same; the keyboard's place is kept. */
export function reconcile(container, items, keyOf, looksOf, build) {
  const old = new Map([...container.children].map((node) => [node.dataset.key, node]));
  const held = document.activeElement && container.contains(document.activeElement)
    ? document.activeElement.closest("[data-key]")?.dataset.key : null;
  const wanted = items.map((item) => {
    const key = keyOf(item);
    const looks = JSON.stringify(looksOf(item));
    const known = old.get(key);
    if (known && known.dataset.looks === looks) return known;
    const node = build(item, known === undefined);
    node.dataset.key = key;
    node.dataset.looks = looks;
    return node;
  });
  if (wanted.length !== container.children.length || wanted.some((node, i) => container.children[i] !== node)) {
    container.replaceChildren(...wanted);
    if (held) {
      const node = wanted.find((candidate) => candidate.dataset.key === held);
      (node?.matches("a, button") ? node : node?.querySelector("a, button"))?.focus();
    }
  }
}

/** Said to people who listen instead of looking. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

const PATHS = {
  critical: "M8 1 15 14H1ZM8 6v4M8 12v.01",
  warning: "M8 1.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13ZM8 5v4M8 11.500v.01",
  info: "M8 1.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13ZM8 7v4.500M8 4.500v.01",
  up: "M2.500 8.500 6.500 12.500 13.500 4",
  down: "M3.500 3.500l9 9M12.500 3.500l-9 9",
  unknown: "M5.500 6a2.500 2.500 0 1 1 3.500 2.300c-.700.400-1 .800-1 1.700M8 13v.01",
};

/** A small sign that does not depend on colour. It is decoration: the word always stands beside it. */
export function sign(name) {
  return svg("svg", { class: `sign sign-${name}`, viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: PATHS[name] || PATHS.info }));
}
