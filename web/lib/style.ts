/** The file of what is in later.css, beside the scripts; the build knows its name. */
declare const LATER_STYLE: string;

/** Loads the style of what the page needs later, once. Rejects if it does not come; another call tries again. */
export async function laterStyle(): Promise<void> {
	const href = new URL(LATER_STYLE, import.meta.url).href;
	const known = [...document.querySelectorAll<HTMLLinkElement>("link[rel=stylesheet]")].find((l) => l.href === href);
	if (known?.sheet) return;
	const link = known ?? document.createElement("link");
	const loaded = new Promise<void>((done, failed) => {
		link.addEventListener("load", () => done());
		link.addEventListener("error", () => {
			link.remove();
			failed(new Error("The style does not load."));
		});
	});
	if (!known) {
		link.rel = "stylesheet";
		link.href = href;
		document.head.append(link);
	}
	await loaded;
}
