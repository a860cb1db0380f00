import { banner } from "../../../web/components/banner/banner";
import { button } from "../../../web/components/button/button";
import { h } from "../../../web/lib/dom";
import { t } from "../texts";

/** What a composer says above the message. */
export class Notes {
	readonly root = h("div", { class: "composer-notes" });
	#problem: HTMLElement | undefined;

	/** Whether it says that something is wrong. */
	get problem(): boolean {
		return this.#problem !== undefined;
	}

	/** Says something that the user puts away. */
	say(text: string, dismissed: () => void): void {
		this.root.prepend(banner({ tone: "info", text, live: true, dismiss: { label: t("close"), run: dismissed } }));
	}

	/** Says what is wrong, in the place of what was said before; "" is nothing. */
	tell(text: string, retry?: () => void): void {
		this.#problem?.remove();
		this.#problem = undefined;
		if (!text) return;
		this.#problem = banner({ tone: "bad", text, live: true, ...retry && { actions: [button({ label: t("composer.retry"), kind: "quiet", run: retry })] } });
		this.root.append(this.#problem);
	}
}
