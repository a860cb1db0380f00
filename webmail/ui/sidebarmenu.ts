import { confirm, prompt } from "../../web/components/dialog/dialog";
import { openMenu, type MenuEntry } from "../../web/components/menu/menu";
import { ActionKind, type Mailbox, Role } from "./api";
import type { App } from "./app";
import { queryOf } from "./queries";
import { labelName, mailboxLabel, t } from "./texts";
import "./sidebartexts";

/** Opens the menu of a mailbox, a label or a saved search of the sidebar. */
export function openSidebarMenu(app: App, id: string, at: HTMLElement | { x: number; y: number }): void {
	const items = id.startsWith("label:") ? labelMenu(app, id.slice(6)) : id.startsWith("search:") ? searchMenu(app, id.slice(7)) : mailboxMenu(app, Number(id), at);
	if (items.length > 0) openMenu({ label: t("actions"), anchor: at, items });
}

function mailboxMenu(app: App, id: number, at: HTMLElement | { x: number; y: number }): MenuEntry[] {
	const m = app.account.mailbox(id);
	if (!m) return [];
	const all = { Messages: [], Threads: [], All: true, Query: { ...queryOf(app, id), Threads: false }, Except: [], Stream: "", Action: "" };
	const target = { selection: all, rows: [], all: true, except: new Set<string>(), count: m.Total };
	const roles = [Role.RoleNone, Role.RoleArchive, Role.RoleDrafts, Role.RoleJunk, Role.RoleSent, Role.RoleTrash];
	const fixed = m.Role === Role.RoleInbox || m.Role === Role.RoleScheduled || m.Role === Role.RoleRejects;
	return [
		{ label: t("mailbox.markRead"), icon: "mail-open", disabled: m.Unread === 0, run: () => void app.actions.act(target, { Kind: ActionKind.ActRead, Mailbox: 0, Labels: [] }) },
		{ label: t("mailbox.create"), icon: "folder-plus", run: () => void createMailbox(app, m.Name) },
		...(fixed ? [] : [{ label: t("mailbox.rename"), icon: "edit" as const, run: () => void rename(app, m) }]),
		// The others have icons of their own in that place.
		...(m.Role === Role.RoleNone ? [{ label: t("colour"), icon: "contrast" as const, run: () => void openMenu({ label: t("colour"), anchor: at, items: mailboxColours(app, m) }) }] : []),
		"line",
		{ label: t("mailbox.export"), icon: "download", run: () => window.location.assign(`export?mailbox=${m.ID}&format=mbox`) },
		...(fixed ? [] : ["line" as const, { heading: t("mailbox.role") }, ...roles.map((r) => ({
			label: t(`role.${r || "none"}`), choice: "one" as const, checked: m.Role === r, run: () => void attempt(app, app.api.MailboxRole(m.ID, r), t("mailbox.failed")),
		}))]),
		"line",
		{ label: t("mailbox.empty"), icon: "x", disabled: m.Total === 0, danger: true, run: () => void empty(app, m) },
		...(fixed ? [] : [{ label: t("mailbox.delete"), icon: "trash" as const, danger: true, run: () => void remove(app, m) }]),
	];
}

function mailboxColours({ account }: App, m: Mailbox): MenuEntry[] {
	const { MailboxColors } = account.settings;
	const others = MailboxColors.filter((c) => c.Mailbox !== m.ID && account.mailbox(c.Mailbox));
	const now = MailboxColors.find((c) => c.Mailbox === m.ID)?.Color ?? 0;
	return [
		{ label: t("colour.none"), colour: 0, choice: "one", checked: now === 0, run: () => account.change({ MailboxColors: others }) },
		...colours(now, (Color) => account.change({ MailboxColors: [...others, { Mailbox: m.ID, Color }] })),
	];
}

/** Entries for the nine colours that there are. */
const colours = (now: number, choose: (colour: number) => void): MenuEntry[] =>
	[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => ({ label: t(`colour.${n}`), colour: n, choice: "one", checked: now === n, run: () => choose(n) }));

function labelMenu({ account }: App, keyword: string): MenuEntry[] {
	const { Labels } = account.settings;
	const have = Labels.find((l) => l.Keyword.toLowerCase() === keyword.toLowerCase()) ?? { Keyword: keyword, Name: "", Color: 0 };
	const change = (l: typeof have) => account.change({ Labels: [...Labels.filter((x) => x.Keyword !== have.Keyword), l] });
	return [
		{
			label: t("label.rename"), icon: "edit", run: async () => {
				const name = await prompt({ title: t("label.rename"), label: t("name"), value: labelName(account.settings, keyword), action: t("save"), cancel: t("cancel") });
				if (name) change({ ...have, Name: name });
			},
		},
		{ heading: t("colour") },
		...colours(have.Color, (Color) => change({ ...have, Color })),
	];
}

function searchMenu({ account }: App, name: string): MenuEntry[] {
	return [{ label: t("search.forget"), icon: "trash", run: () => account.change({ SavedSearches: account.settings.SavedSearches.filter((s) => s.Name !== name) }) }];
}

/** Asks for the name of a new mailbox, below another one or none. */
export async function createMailbox(app: App, parent: string): Promise<void> {
	const name = await prompt({ title: t("mailbox.create"), label: t("name"), action: t("create"), cancel: t("cancel"), check: (v) => v === "" ? t("name.missing") : "" });
	if (name) await attempt(app, app.api.MailboxCreate(parent ? `${parent}/${name}` : name), t("mailbox.failed"));
}

async function rename(app: App, m: Mailbox): Promise<void> {
	const name = await prompt({ title: t("mailbox.rename"), label: t("name.full"), value: m.Name, action: t("save"), cancel: t("cancel") });
	if (!name || name === m.Name) return;
	await attempt(app, app.api.MailboxRename(m.ID, name).then((undo) => app.actions.done(t("mailbox.renamed", { name }), undo)), t("mailbox.failed"));
}

async function remove(app: App, m: Mailbox): Promise<void> {
	const sure = m.Total === 0 || await confirm({ title: t("mailbox.delete"), text: t("mailbox.deleteText", { name: m.Name, n: m.Total }), action: t("mailbox.delete"), cancel: t("cancel"), danger: true });
	if (!sure) return;
	if (!await attempt(app, app.api.MailboxDelete(m.ID, m.Total > 0).then((undo) => app.actions.done(t("mailbox.deleted", { name: m.Name }), undo)), t("mailbox.failed"))) return;
	const { route } = app.router;
	const inbox = app.account.withRole(Role.RoleInbox);
	if (inbox && route.kind === "view" && route.query.Mailbox === m.ID) app.router.go({ kind: "view", query: queryOf(app, inbox.ID) });
}

async function empty(app: App, m: Mailbox): Promise<void> {
	const forGood = m.Role === Role.RoleJunk || m.Role === Role.RoleTrash || m.Role === Role.RoleRejects;
	if (forGood && !await confirm({ title: t("mailbox.empty"), text: t("mailbox.emptyText", { name: mailboxLabel(m), n: m.Total }), action: t("mailbox.empty"), cancel: t("cancel"), danger: true })) return;
	await attempt(app, app.api.MailboxEmpty(m.ID, { timeout: 30 * 60_000 }).then((acted) => app.actions.done(t("mailbox.emptied", { n: acted.Count }), acted.Undo)), t("mailbox.failed"));
}

/** Tells of an error; false if there was one. */
async function attempt(app: App, p: Promise<unknown>, what: string): Promise<boolean> {
	try {
		await p;
		return true;
	} catch (e) {
		app.actions.fail(e, what);
		return false;
	}
}
