// A page that shows all components, for looking at them. It is not shipped.

import { button, iconButton } from "../../components/button/button";
import { bottomBar } from "../../components/bottombar/bottombar";
import { Drawer } from "../../components/drawer/drawer";
import { attachMenu, openMenu } from "../../components/menu/menu";
import { meter } from "../../components/progress/progress";
import { SearchBox } from "../../components/search/search";
import { Splitter } from "../../components/splitter/splitter";
import { Toasts } from "../../components/toast/toast";
import { Tooltips } from "../../components/tooltip/tooltip";
import { Tree } from "../../components/tree/tree";
import { h } from "../../lib/dom";
import type { IconName } from "../../lib/icons";
import { parts } from "./parts/parts";

const toasts = new Toasts("Notices", "Close");
new Tooltips();

const tree = new Tree({
	label: "Mailboxes", selected: "inbox", expanded: ["lists"],
	nodes: [
		{ id: "inbox", label: "Inbox", icon: "inbox", count: 12, countLabel: "12 unread" },
		{ id: "drafts", label: "Drafts", icon: "draft", count: 2, quiet: true },
		{ id: "sent", label: "Sent", icon: "send" },
		{ id: "archive", label: "Archive", icon: "archive" },
		{ id: "junk", label: "Junk", icon: "junk", count: 48, countLabel: "48 unread", quiet: true },
		{ id: "trash", label: "Trash", icon: "trash" },
		{ id: "lists", label: "Lists", children: [{ id: "go", label: "golang-nuts", count: 1204, countLabel: "1204 unread" }, { id: "imap", label: "imap5", children: [{ id: "x", label: "drafts" }] }] },
		{ id: "label", label: "Travel", colour: 4 },
	],
	choose: (id) => tree.select(id),
	menu: (id, anchor) => void openMenu({ label: "Mailbox", anchor, items: [{ label: "Rename", icon: "edit", run: () => void toasts.show({ text: `Renamed ${id}.` }) }, { label: "Delete", icon: "trash", danger: true, run: () => {} }] }),
});

const side = h("div", { class: "side" },
	button({ label: "Compose", icon: "compose", kind: "primary", key: "c", run: () => void import("./parts/later").then((m) => m.compose()) }),
	tree.root,
	h("div", { class: "storage" }, meter("Storage", 0.32, "3.2 of 10 GB"), h("span", { class: "meta tabular" }, "3.2 of 10 GB")));

const search = new SearchBox({
	label: "Search mail", clearLabel: "Clear", optionsLabel: "Search options", key: "/", options: () => {},
	suggest: (text) => Promise.resolve(text ? [
		{ label: "from:" + text, icon: "user", value: "from:" + text + " ", group: "People" },
		{ label: "Ana Silva", hint: "ana@example.org", icon: "user", value: "from:ana@example.org ", group: "People" },
		{ label: "has:attachment " + text, icon: "clip", value: "has:attachment " + text, group: "Filters" },
	] : [{ label: "is:unread", hint: "Unread messages", icon: "mail", value: "is:unread " }, { label: "from:", hint: "Sender", icon: "user", value: "from:" }]),
	search: (text) => toasts.show({ text: `Searching for “${text}”` }),
});

const content = h("main", { class: "content", id: "main", tabindex: -1 }, h("h1", "Components"), parts(toasts));
const drawer = new Drawer({ label: "Mailboxes", content: h("nav", { class: "side-frame", aria: { label: "Mailboxes" } }, side), behind: () => [top, content, bar.root] });
const setTheme = (theme: string) => (document.documentElement.dataset["theme"] = theme);
const theme = iconButton({ label: "Theme", icon: "contrast" });
attachMenu(theme, "Theme", () => ([["auto", "contrast"], ["light", "sun"], ["dark", "moon"]] as [string, IconName][]).map(([name, icon]) => ({
	label: name, icon, checked: (document.documentElement.dataset["theme"] ?? "auto") === name, choice: "one" as const, run: () => setTheme(name),
})), { align: "end" });
const turn = iconButton({ label: "Direction of writing", icon: "move", run: () => (document.documentElement.dir = document.documentElement.dir === "rtl" ? "ltr" : "rtl") });

const top = h("header", { class: "top" },
	iconButton({ label: "Mailboxes", icon: "menu", class: "only-narrow", run: () => drawer.toggle() }),
	h("span", { class: "product" }, "mox"), h("div", { class: "top-search" }, search.root),
	iconButton({ label: "Help", icon: "help", key: "?" }), turn, theme, iconButton({ label: "ana@example.org", icon: "user" }));
const splitter = new Splitter({ label: "Width of the sidebar", orientation: "vertical", size: 240, min: 200, max: () => 320, normal: 240, moved: (size) => side.style.setProperty("inline-size", drawer.narrow ? "" : `${size}px`) });
const bar = bottomBar("Mail", [
	{ id: "inbox", label: "Inbox", icon: "inbox", run: () => {} },
	{ id: "search", label: "Search", icon: "search", run: () => search.focus() },
	{ id: "compose", label: "Compose", icon: "compose", raised: true, run: () => {} },
	{ id: "mailboxes", label: "Mailboxes", icon: "folder", run: () => drawer.show() },
	{ id: "more", label: "More", icon: "more-across", menu: true, run: () => {} },
]);
bar.setCurrent("inbox");
bar.setCount("inbox", 12, "12 unread");
side.after(splitter.root);
document.body.append(h("a", { class: "skip-link", href: "#main" }, "Skip to content"), top, h("div", { class: "frame" }, drawer.root, content), bar.root, toasts.root);
