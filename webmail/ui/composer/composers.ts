import type { ComposeRequest, Draft, Sent } from "../api";
import type { App, Composers } from "../app";

/** The composers of the page. */
export class PageComposers implements Composers {
	readonly open_ = false;
	constructor(_app: App) {}
	open(_request: ComposeRequest): Promise<void> {
		return Promise.resolve();
	}
	edit(_draft: Draft): Promise<void> {
		return Promise.resolve();
	}
	sent(_sent: Sent, _draft: Draft): void {}
}
