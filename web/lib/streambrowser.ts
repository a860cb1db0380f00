import { online } from "./apifetch";
import { type Clock, systemClock } from "./clock";
import type { Source } from "./streamconnection";
import type { Channel, Locks } from "./streamtabs";

/** What a stream needs of the browser. Without channel or locks each tab has a connection of its own. */
export interface Browser {
	readonly clock: Clock;
	readonly random: () => number;
	readonly newID: () => string;
	readonly online: () => boolean;
	readonly visible: () => boolean;
	readonly open: (url: string) => Source;
	readonly channel: ((name: string) => Channel) | undefined;
	readonly locks: Locks | undefined;
	/** Listens to window and document: online, offline, visibilitychange, pageshow, pagehide, freeze, resume. */
	readonly listen: (event: string, f: () => void, signal: AbortSignal) => void;
}

/** The browser of the page. */
export const realBrowser = (): Browser => ({
	clock: systemClock,
	random: Math.random,
	newID: () => Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, "0")).join(""),
	online,
	visible: () => document.visibilityState === "visible",
	open: url => new EventSource(url),
	channel: typeof BroadcastChannel === "undefined" ? undefined : name => new BroadcastChannel(name),
	// Only in secure contexts, so not on plain HTTP in a local network.
	locks: navigator.locks as Locks | undefined,
	listen: (event, f, signal) => {
		const target = ["visibilitychange", "freeze", "resume"].includes(event) ? document : window;
		target.addEventListener(event, f, { signal });
	},
});
