// Photos of a repair: taken with the phone, made small here (the network in the field is slow), sent, shown.

import * as api from "./api.js";
import { el, put } from "./dom.js";
import { t } from "./words.js";

const SIDE = 2048;
const MOST = 10;
const QUALITY = 0.85;

/** Pixels of a file as a JPEG of at most SIDE; the file itself where the browser cannot read it (the server may). */
async function small(file) {
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const share = Math.min(1, SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * share));
    canvas.height = Math.max(1, Math.round(picture.height * share));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
    return blob ?? file;
  } catch {
    return file;
  }
}

/** Photos that go with a form. Each is sent as soon as it is taken; `hashes()` are those that have arrived. */
export class PhotoTray {
  constructor(city, ticket, onChange = () => {}) {
    this.city = city;
    this.ticket = ticket;
    this.onChange = onChange;
    this.photos = [];
    this.list = el("ul", { class: "tray" });
    this.input = el("input", { class: "unseen", type: "file", accept: "image/jpeg,image/png,image/webp", capture: "environment",
      multiple: true, id: `photos-${api.word().slice(0, 8)}`, onchange: () => this.take([...this.input.files]) });
    this.root = el("div", {}, this.input,
      el("label", { class: "button big", for: this.input.id }, t("take_photo")), this.list);
  }

  take(files) {
    this.input.value = "";
    for (const file of files.slice(0, MOST - this.photos.length)) {
      const photo = { file, key: api.word(), address: URL.createObjectURL(file), hash: null, problem: "" };
      this.photos.push(photo);
      this.send(photo);
    }
  }

  async send(photo) {
    photo.problem = "";
    photo.busy = true;
    this.draw();
    try {
      photo.blob ??= await small(photo.file);
      photo.hash = (await api.upload(`tickets/${this.ticket}/photos`, photo.blob, photo.key)).photo;
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      photo.problem = error.message;
    }
    photo.busy = false;
    this.draw();
    this.onChange();
  }

  drop(photo) {
    URL.revokeObjectURL(photo.address);
    this.photos = this.photos.filter((other) => other !== photo);
    this.draw();
    this.onChange();
  }

  draw() {
    put(this.list, ...this.photos.map((photo) => el("li", { class: photo.problem ? "tray-bad" : "" },
      el("img", { src: photo.address, alt: t("photo_taken") }),
      el("span", { class: photo.problem ? "bad small" : "quiet small", role: "status" },
        photo.busy ? t("photo_sending") : photo.problem || t("photo_sent")),
      photo.problem ? el("button", { type: "button", onclick: () => this.send(photo) }, t("try_again")) : null,
      el("button", { type: "button", class: "plain", onclick: () => this.drop(photo) }, t("leave_out")))));
  }

  busy() {
    return this.photos.some((photo) => photo.busy);
  }

  hashes() {
    return this.photos.filter((photo) => photo.hash).map((photo) => photo.hash);
  }

  close() {
    for (const photo of this.photos) URL.revokeObjectURL(photo.address);
    this.photos = [];
  }
}

/** Pictures of a ticket, each asked for once as long as this album lives: every look is noted. */
export class Album {
  constructor() {
    this.addresses = new Map();
  }

  /** A frame with the picture in it as soon as it is here. `path` is that of the API. */
  frame(path, label) {
    const frame = el("div", { class: "frame" }, el("span", { class: "quiet" }, t("loading")));
    this.fill(frame, path, label);
    return frame;
  }

  async fill(frame, path, label) {
    try {
      if (!this.addresses.has(path)) this.addresses.set(path, api.local(path));
      const address = await this.addresses.get(path);
      put(frame, el("a", { href: address, target: "_blank", rel: "noopener", "aria-label": t("open_picture") }, el("img", { src: address, alt: label })));
    } catch (error) {
      this.addresses.delete(path);
      if (!(error instanceof api.Problem)) throw error;
      put(frame, el("span", { class: "quiet" }, error.status === 404 ? t("picture_gone") : error.message));
    }
  }

  close() {
    for (const asked of this.addresses.values()) asked.then((address) => URL.revokeObjectURL(address), () => {});
    this.addresses = new Map();
  }
}
