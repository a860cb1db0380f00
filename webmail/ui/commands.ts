import { KeyHandler, Keymap, type Platform, keyNames } from "../../web/lib/keymap";
import { Scope } from "../../web/lib/view";
import type { Account, Commands } from "./app";
import { type Preset, type Scope as KeyScope, commands } from "./keys";

type Run = () => boolean | void;

/** Commands that open something new each time; a key that is held down does it once. */
const opening = /^(compose|reply|forward|edit|open)/;

/** Commands, by names and by keys. */
export class PageCommands implements Commands {
	readonly #registered = new Map<string, Run[]>();
	readonly #handler: KeyHandler<KeyScope, Preset>;
	readonly #account: Account;

	/** Where tells where the focus is, the innermost scope first. Pending is told of keys of a sequence. */
	constructor(scope: Scope, account: Account, where: () => readonly KeyScope[], pending: (keys: string) => void, platform?: Platform) {
		this.#account = account;
		this.#handler = new KeyHandler<KeyScope, Preset>({
			keymap: this.#keymap(), scopes: where, run: (name, event) => event.repeat && opening.test(name) || this.run(name), onPending: pending, ...(platform && { platform }),
		});
		account.on(scope, ["settings"], () => {
			this.#handler.keymap = this.#keymap();
		});
		scope.listen(document, "keydown", this.#handler.handle);
	}

	/** The keys as settings have them. */
	get keymap(): Keymap<KeyScope, Preset> {
		return this.#handler.keymap;
	}

	#keymap(): Keymap<KeyScope, Preset> {
		const { Keys, Remapped } = this.#account.settings;
		return new Keymap<KeyScope, Preset>(commands, {
			preset: Keys === "gmail" ? "gmail" : "mox", singleKeys: Keys !== "off",
			remapped: Object.fromEntries(Remapped.map((r) => [r.Command, r.Keys])),
		});
	}

	register(scope: Scope, all: { readonly [name: string]: Run }): void {
		for (const [name, run] of Object.entries(all)) {
			const l = this.#registered.get(name) ?? [];
			this.#registered.set(name, l);
			l.unshift(run);
			scope.onClose(() => l.splice(l.indexOf(run), 1));
		}
	}

	run(name: string): boolean {
		return (this.#registered.get(name) ?? []).some((run) => run() !== false);
	}

	keys(name: string): string {
		const first = this.keymap.keys(name)[0];
		return first === undefined ? "" : keyNames(first).join(" ");
	}
}
