import { ActionKind, BodyKind, ComposeKind } from "../api";
import type { App, Target } from "../app";
import { messageCommands } from "../list/commands";
import type { MessageCard } from "./card";

export type Run = () => boolean | void;

/** The reader, as its commands, bars and menus see it. */
export interface ReaderParts {
	readonly app: App;
	readonly root: HTMLElement;
	readonly scroll: HTMLElement;
	/** The message that commands are for; null for none. */
	card(): MessageCard | null;
	/** All messages, in the order in which they are shown. */
	cards(): readonly MessageCard[];
	target(): Target | null;
	readonly muted: boolean;
	/** Whether it stands in place of the list. */
	readonly alone: boolean;
	back(): void;
	step(by: 1 | -1): void;
	later<T>(load: Promise<T>, run: (module: T) => void): void;
}

/** What can be done to what the reader shows, by the names of commands. A command that is false was not possible. */
export function readerActions(r: ReaderParts): { readonly [name: string]: Run } {
	const { app } = r;
	const withCard = (run: (card: MessageCard) => boolean | void): Run => () => {
		const card = r.card();
		return card ? run(card) ?? true : false;
	};
	const compose = (kind: ComposeKind) => withCard((card) => card.compose(kind));
	const composeInTab = (Kind: ComposeKind) => withCard((card) => {
		open(app.router.href({ kind: "compose", request: { Kind, Emails: [card.item.Email], Mailto: "", Quote: "" } }));
	});
	const step = (by: 1 | -1): Run => () => {
		const all = r.cards();
		const at = all.indexOf(r.card()!);
		const to = all[at + by];
		if (!to) return false;
		to.open();
		to.focus({ preventScroll: true });
		to.root.scrollIntoView({ block: "nearest" });
		return true;
	};
	const scroll = (part: number, pixels = 0): Run => () => {
		if (!r.card()) return false;
		r.scroll.scrollBy({ top: part * r.scroll.clientHeight + pixels });
		return true;
	};
	const source = (what: "headers" | "raw" | "parts") => withCard((card) => {
		const { message } = card;
		if (!message) return false;
		r.later(import("./source"), (m) => m.showSource(app, { email: card.item.Email, path: card.path }, message, what));
		return true;
	});
	return {
		...messageCommands(app, () => r.target()),
		mute: () => {
			const target = r.target();
			if (target) void app.actions.act(target, { Kind: r.muted ? ActionKind.ActUnmute : ActionKind.ActMute, Mailbox: 0, Labels: [] });
			return target !== null;
		},
		reply: compose(ComposeKind.ComposeReply), replyAll: compose(ComposeKind.ComposeReplyAll), forward: compose(ComposeKind.ComposeForward), forwardAttached: compose(ComposeKind.ComposeAttach),
		replyList: withCard((card) => card.message?.ListPost ? card.compose(ComposeKind.ComposeReplyList) : false),
		replyInTab: composeInTab(ComposeKind.ComposeReply), replyAllInTab: composeInTab(ComposeKind.ComposeReplyAll),
		edit: withCard((card) => card.compose(card.item.Draft ? ComposeKind.ComposeDraft : ComposeKind.ComposeEditAsNew)),
		nextInThread: step(1), previousInThread: step(-1),
		expandAll: withCard(() => r.cards().forEach((c) => c.open())), collapseAll: withCard(() => r.cards().forEach((c) => c.fold())),
		viewAttachments: withCard((card) => card.view(0) || r.cards().some((c) => c.view(0))),
		showText: withCard((card) => card.showAs(BodyKind.BodyText)), showHTML: withCard((card) => card.showAs(BodyKind.BodyHTML)),
		openInTab: withCard((card) => void open(app.router.href({ kind: "message", email: card.item.Email }))),
		showRaw: source("raw"), showParts: source("parts"), showHeaders: source("headers"),
		print: withCard(() => window.print()),
		scrollDown: scroll(0, 60), scrollUp: scroll(0, -60), scrollPageDown: scroll(0.9), scrollPageUp: scroll(-0.9),
	};
}

/** The commands of the reader, for keys. Those that the list has too are the reader's while the focus is in it, or there is no list to see. */
export function readerCommands(r: ReaderParts, actions: { readonly [name: string]: Run }): { readonly [name: string]: Run } {
	const here = () => r.card() !== null && (r.alone || r.root.contains(document.activeElement));
	const shared = new Set(Object.keys(messageCommands(r.app, () => null)));
	return {
		...Object.fromEntries(Object.entries(actions).map(([name, run]) => [name, shared.has(name) ? () => here() && run() : run])),
		back: () => {
			if (!here()) return false;
			r.back();
			return true;
		},
	};
}
