import { Scope } from "../../web/lib/view";
import { Role, type NewEvent } from "./api";
import type { App } from "./app";
import { mailboxLabel, t } from "./texts";

/** Tells of new mail: in the title, in the badge of an installed page, and by the desktop where the user wants that. */
export class Notifier {
	readonly #app: App;
	readonly #say: (text: string) => void;

	/** Say tells screen readers. */
	constructor(app: App, scope: Scope, say: (text: string) => void) {
		this.#app = app;
		this.#say = say;
		app.streams.on(scope, "new", (event) => this.#new(event));
		app.account.on(scope, ["mailboxes"], () => this.title());
		app.router.onChange(scope, () => this.title());
		this.title();
	}

	/** Shows where one is, and how much is unread in Inbox. */
	title(): void {
		const { account, router } = this.#app;
		const inbox = account.withRole(Role.RoleInbox);
		const { route } = router;
		const at = route.kind === "view" && route.query.Text !== "" ? `${t("search.short")}: ${route.query.Text}`
			: route.kind === "settings" ? t("settings")
			: mailboxLabel((route.kind === "view" && account.mailbox(route.query.Mailbox)) || inbox || account.mailboxes[0]!);
		const n = inbox?.Unread ?? 0;
		document.title = t(n > 0 ? "title.unread" : "title", { n, mailbox: at });
		// Only installed pages have a badge, and not in all browsers.
		const badge = navigator as Navigator & { setAppBadge?(n: number): Promise<void>; clearAppBadge?(): Promise<void> };
		(n > 0 ? badge.setAppBadge?.(n) : badge.clearAppBadge?.())?.catch(() => {});
	}

	#new(event: NewEvent): void {
		const n = event.Rows.length + event.More;
		this.#say(t("new.mail", { n }));
		const { settings } = this.#app.account;
		if (!settings.NotifyDesktop || !("Notification" in window) || Notification.permission !== "granted" || document.visibilityState === "visible") return;
		for (const row of event.Rows.slice(0, 3)) {
			const from = row.People[row.People.length - 1];
			// One for all tabs: the same tag replaces.
			const note = new Notification(from?.Name || from?.Address || t("new.mail", { n: 1 }), { body: `${row.Subject}\n${row.Snippet}`, tag: row.Email, silent: !settings.NotifySound });
			note.onclick = () => {
				window.focus();
				this.#app.router.go({ kind: "message", email: row.Email });
				note.close();
			};
		}
	}
}
