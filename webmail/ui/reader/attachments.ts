import { iconButton } from "../../../web/components/button/button";
import { h } from "../../../web/lib/dom";
import { type IconName, icon } from "../../../web/lib/icons";
import { type Message, type Part, ViewKind } from "../api";
import { sizeText, t } from "../texts";

/** Images of more bytes than this have no small picture of themselves on their card. */
const thumbnailSize = 1_500_000;

/** Where a message is served: its id, and the path of one within it. */
export interface Place {
	readonly email: string;
	readonly path: string;
}

/** The address of something of a message, relative to the page. */
export function contentAddress(at: Place, resource: string, params: { readonly [name: string]: string } = {}): string {
	const query = new URLSearchParams(at.path === "" ? params : { path: at.path, ...params }).toString();
	return `message/${at.email}/${resource}${query === "" ? "" : "?" + query}`;
}

/** The address of a part, to show it or to download it. */
export const partAddress = (email: string, part: Part, inline: boolean): string => `message/${email}/part/${part.Path}${inline ? "?inline=1" : ""}`;

/** What a part is called. */
export const partName = (part: Part): string => part.Name || t("attachment.unnamed");

function partIcon(part: Part): IconName {
	switch (part.View) {
		case ViewKind.ViewImage:
			return "image";
		case ViewKind.ViewMessage:
			return "mail";
		case ViewKind.ViewAudio:
			return "sound";
	}
	return part.Type === "text/calendar" ? "calendar" : "file";
}

/** Makes the cards of the attachments of a message, null for none. View is called with the position of the one to look at. */
export function attachmentCards(at: Place, message: Message, view: (index: number) => void): HTMLElement | null {
	const parts = message.Attachments;
	if (parts.length === 0) return null;
	const cards = parts.map((part, i) => {
		const name = partName(part);
		const small = part.View === ViewKind.ViewImage && part.Size <= thumbnailSize;
		const picture = small
			? h("img", { class: "attachment-picture", src: partAddress(at.email, part, true), alt: "", props: { loading: "lazy", decoding: "async" } })
			: h("span", { class: "attachment-picture" }, icon(partIcon(part), 24));
		const words = h("span", { class: "attachment-words" }, h("span", { class: "attachment-name truncate" }, name), h("span", { class: "meta" }, [sizeText(part.Size), part.Problem && ` · ${part.Problem}`]));
		const open = part.View === ViewKind.ViewNone
			? h("a", { class: "attachment-open", href: partAddress(at.email, part, false), download: true, title: name }, picture, words)
			: h("button", { class: "attachment-open", type: "button", title: t("attachment.view", { name }), on: { click: () => view(i) } }, picture, words);
		const download = iconButton({ label: t("attachment.download", { name }), icon: "download", size: 18, run: () => downloadFrom(partAddress(at.email, part, false)) });
		return h("li", { class: "attachment" }, open, download);
	});
	return h("section", { class: "attachments", aria: { label: t("attachments", { n: parts.length }) } },
		parts.length > 1 && h("p", { class: "attachments-head meta" },
			t("attachments", { n: parts.length }), " ", h("a", { href: contentAddress(at, "zip"), download: true }, t("attachments.all"))),
		h("ul", { class: "attachment-list", role: "list" }, cards));
}

/** Has the browser download something. */
export function downloadFrom(address: string): void {
	h("a", { href: address, download: true }).click();
}
