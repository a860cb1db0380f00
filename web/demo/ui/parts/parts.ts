import { avatar } from "../../../components/avatar/avatar";
import { banner } from "../../../components/banner/banner";
import { button, iconButton, setBusy, toolbar } from "../../../components/button/button";
import { chip } from "../../../components/chip/chip";
import { ChipInput } from "../../../components/chip/chipinput";
import { openPicker } from "../../../components/combobox/picker";
import { confirm, prompt } from "../../../components/dialog/dialog";
import { checkbox, field, input, radioGroup, segmented, select, switchControl, textArea } from "../../../components/form/form";
import { attachMenu } from "../../../components/menu/menu";
import { progress, spinner } from "../../../components/progress/progress";
import { emptyState, errorState, skeletonRows } from "../../../components/state/state";
import { Tabs } from "../../../components/tabs/tabs";
import type { Toasts } from "../../../components/toast/toast";
import { h } from "../../../lib/dom";
import { icon, iconNames } from "../../../lib/icons";

const part = (title: string, ...children: HTMLElement[]) => h("section", { class: "part" }, h("h2", title), children);
const line = (...children: HTMLElement[]) => h("div", { class: "line" }, children);

/** All components, one below the other. */
export function parts(toasts: Toasts): HTMLElement {
	const more = button({ label: "More", icon: "chevron-down", kind: "quiet" });
	attachMenu(more, "More", () => [
		{ label: "Reply", icon: "reply", key: "r", run: () => {} },
		{ label: "Forward", icon: "forward", key: "f", run: () => {} },
		"line",
		{ heading: "Labels" },
		{ label: "Travel", colour: 4, key: "l", run: () => {} },
		{ label: "Unread only", checked: true, run: () => {} },
		{ label: "Print", icon: "print", key: "Ctrl+P", hint: "With all headers", disabled: true, run: () => {} },
		"line",
		{ label: "Delete for ever", icon: "trash", danger: true, key: "Shift+Delete", run: () => {} },
	]);
	const busy = button({ label: "Save", kind: "primary", run: () => void setTimeout(setBusy(busy), 4000) });
	const move = button({
		label: "Move to", icon: "folder-move", key: "v",
		run: () => openPicker({ label: "Move to", anchor: move, find: (t) => ["Archive", "Inbox", "Lists", "Lists/imap5", "Trash"].filter((m) => m.toLowerCase().includes(t.toLowerCase())).map((m) => ({ label: m, icon: "folder" as const, value: m })), choose: (m) => toasts.show({ text: `Moved to ${m}.` }) }),
	});
	const people = ["Ana Silva", "Ben Okafor", "Chloé Martin", "山田 太郎"];
	const to = new ChipInput<string>({
		label: "To", values: ["Ana Silva", "ben@example.net", "old@plain.example"], parse: (t) => (t.includes("@") ? t : undefined), key: (v) => v, removeLabel: (v) => "Remove " + v,
		look: (v) => (v.includes("plain") ? { label: v, icon: "lock-open", iconLabel: "Not encrypted,", tone: "warn", tip: "Its server has no encryption" } : { label: v, icon: "lock-closed", iconLabel: "Encrypted," }),
		suggest: async (t) => people.filter((p) => p.toLowerCase().includes(t.toLowerCase())).map((p) => ({ label: p, hint: p.split(" ")[0]!.toLowerCase() + "@example.org", mark: avatar(p, p, 24), value: p })),
	});
	const name = field(input({ value: "Ana Silva", autocomplete: "name" }), { label: "Display name", hint: "Others see it beside your address." });
	const wrong = field(input({ type: "email", value: "ana@@example" }), { label: "Address" });
	wrong.setError("An address has one @.");
	const tabs = new Tabs("Details", [
		{ id: "a", label: "Message", make: () => h("p", "What it says.") },
		{ id: "b", label: "Headers", make: () => h("p", "Who sent it.") },
		{ id: "c", label: "Raw", make: () => h("pre", "From: ana@example.org") },
	], "a");
	return h("div", { class: "sheet" },
		part("Buttons", line(button({ label: "Send", icon: "send", kind: "primary", key: "Ctrl+Enter" }), button({ label: "Reply", icon: "reply", key: "r" }), button({ label: "Cancel", kind: "quiet" }), button({ label: "Delete", kind: "danger", icon: "trash" }), button({ label: "Not now", disabled: true }), busy),
			toolbar("Message", iconButton({ label: "Archive", icon: "archive", key: "e" }), iconButton({ label: "Delete", icon: "trash", key: "Delete" }), iconButton({ label: "Junk", icon: "junk", key: "!" }), iconButton({ label: "Flag", icon: "flag", pressed: true }), h("span", { class: "toolbar-line" }), iconButton({ label: "Go to inbox", icon: "inbox", key: "g i" }), more, move)),
		part("Chips", line(chip({ label: "Unread", run: () => {}, pressed: true, icon: "check" }), chip({ label: "Flagged", run: () => {}, pressed: false }), chip({ label: "Attachment", run: () => {}, pressed: false }), chip({ label: "from:ana", remove: { label: "Remove filter from:ana", run: () => {} } })),
			line(chip({ label: "Verified example.org", tone: "ok", icon: "shield-check" }), chip({ label: "Not verified", tone: "warn", icon: "shield-alert" }), chip({ label: "Sender check failed", tone: "bad", icon: "junk" }), chip({ label: "Sent by list", tone: "info", icon: "users" })),
			line(...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => chip({ label: "Label " + n, colour: n }))), to.root),
		part("Banners", banner({ tone: "neutral", icon: "image", text: "Remote images are not shown.", actions: [button({ label: "Show once", kind: "quiet" }), button({ label: "Always for this sender", kind: "quiet" })] }),
			banner({ tone: "info", text: "You get mail from this list.", actions: [button({ label: "Unsubscribe", kind: "quiet" })], dismiss: { label: "Dismiss", run: () => {} } }),
			banner({ tone: "ok", text: "All records of example.org are right." }), banner({ tone: "warn", text: "First message from this sender." }), banner({ tone: "bad", text: "The name shows another address than the sender's." })),
		part("Toasts and dialogs", line(
			button({ label: "Archived", run: () => toasts.show({ text: "3 messages archived.", action: { label: "Undo", run: () => toasts.show({ text: "They are back." }) }, seconds: 10 }) }),
			button({ label: "Failed", run: () => toasts.show({ text: "The message could not be moved.", failed: true, action: { label: "Retry", run: () => {} } }) }),
			button({ label: "Confirm", run: () => void confirm({ title: "Empty Trash?", text: "48 messages will be gone for ever.", action: "Empty Trash", cancel: "Cancel", danger: true }) }),
			button({ label: "Prompt", run: () => void prompt({ title: "New mailbox", label: "Name", action: "Create", cancel: "Cancel", check: (v) => (v ? "" : "A mailbox needs a name.") }) }))),
		part("Forms", h("div", { class: "two" }, name.root, wrong.root,
			field(select([{ value: "a", label: "Newest first" }, { value: "b", label: "Oldest first" }], "a", () => {}), { label: "Order" }).root,
			field(textArea({ value: "Ana\nLisbon" }), { label: "Signature" }).root,
			h("div", checkbox({ label: "Send read receipts", hint: "Only to people you know.", checked: true, changed: () => {} }).root, checkbox({ label: "Plain text", checked: false, changed: () => {} }).root, switchControl({ label: "Keys", checked: true, changed: () => {} }).root, switchControl({ label: "Sounds", checked: false, changed: () => {} }).root),
			radioGroup("Reading pane", [{ value: "r", label: "Beside the list" }, { value: "b", label: "Below the list" }, { value: "n", label: "None" }], "r", () => {})),
			line(segmented("Theme", [{ value: "a", label: "Auto", icon: "contrast" }, { value: "l", label: "Light", icon: "sun" }, { value: "d", label: "Dark", icon: "moon" }], "a", () => {}))),
		part("People", line(...["Ana Silva", "Ben Okafor", "Chloé Martin", "Dmitri", "山田 太郎", ""].map((p, i) => avatar(p, p + i + "@example.org", 32)), avatar("Eve Adams", "eve@example.com", 40), avatar("Eve Adams", "eve2@example.com", 24))),
		part("Progress", progress("Upload", 0.6).root, progress("Search").root, line(spinner("Loading"))),
		part("Tabs", tabs.root),
		part("States", h("div", { class: "two" }, h("div", { class: "card" }, skeletonRows("Loading", 4)), h("div", { class: "card" }, emptyState({ icon: "inbox", title: "All read.", hint: "New mail appears here by itself." })),
			h("div", { class: "card" }, errorState({ title: "The mailbox could not be opened", hint: "The server did not answer.", actions: [button({ label: "Retry", icon: "refresh" })], id: { text: "8d31f0a2", copyLabel: "Copy" } })))),
		part("Icons", h("div", { class: "icons" }, iconNames.map((n) => h("figure", icon(n, 24), h("figcaption", n))))));
}
