// The icons, drawn for mox: lines of 1.75 on a grid of 24, in the colour of the text. Each is the path of one element.

const shield = "M12 3l7.5 2.75v5.5c0 4.5-3 8-7.5 9.75-4.5-1.75-7.5-5.25-7.5-9.75v-5.5z";
const lock = "M6.5 10.5h11a1.5 1.5 0 0 1 1.5 1.5v7a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 19v-7a1.5 1.5 0 0 1 1.5-1.5z";
const disc = "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18z";
const envelope = "M4.5 5.5h15A1.5 1.5 0 0 1 21 7v10a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17V7a1.5 1.5 0 0 1 1.5-1.5z";
const folder = "M3 18V6.5A1.5 1.5 0 0 1 4.5 5H9l2.5 2.5h8A1.5 1.5 0 0 1 21 9v9a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18z";
const page = "M6.5 3H14l5 5v11.5a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 19.5v-15A1.5 1.5 0 0 1 6.5 3zM14 3v5h5";
const frame = "M4.5 4h15A1.5 1.5 0 0 1 21 5.5v13a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18.5v-13A1.5 1.5 0 0 1 4.5 4z";
const eye = "M2.5 12C4.5 8 8 5.75 12 5.75S19.5 8 21.5 12C19.5 16 16 18.25 12 18.25S4.5 16 2.5 12z";
const speaker = "M4 9.5v5h3.5l5 4v-13l-5 4z";
const dot = (x: number, y: number) => `M${x} ${y - 0.6}a.6.6 0 1 1 0 1.2.6.6 0 0 1 0-1.2z`;
const moon = "M20 14.2A8.3 8.3 0 1 1 9.8 4a6.6 6.6 0 0 0 10.2 10.2z";

const paths = {
	// Mailboxes
	inbox: "M3 13.5L5.8 5.6A1.5 1.5 0 0 1 7.2 4.5h9.6a1.5 1.5 0 0 1 1.4 1.1L21 13.5V18a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18zM3 13.5h5c0 2.2 1.8 3.5 4 3.5s4-1.3 4-3.5h5",
	draft: page + "M8.5 13h7M8.5 16.5h4.5",
	send: "M20.5 3.5L3.5 9.8l7 3.7 3.7 7zM20.5 3.5l-10 10",
	clock: disc + "M12 7v5.25l3.5 2",
	archive: "M3.5 4.5h17v4h-17zM5 8.5V18a1.5 1.5 0 0 0 1.5 1.5h11A1.5 1.5 0 0 0 19 18V8.5M9.75 12.5h4.5",
	junk: shield + "M9.5 9.5l5 5M14.5 9.5l-5 5",
	trash: "M4 6.5h16M9 6.5V5a1.5 1.5 0 0 1 1.5-1.5h3A1.5 1.5 0 0 1 15 5v1.5M6 6.5l.8 12.6A1.5 1.5 0 0 0 8.3 20.5h7.4a1.5 1.5 0 0 0 1.5-1.4L18 6.5M10 10.5v6M14 10.5v6",
	reject: disc + "M5.6 5.6l12.8 12.8",
	folder,
	"folder-plus": folder + "M12 10.75v5.5M9.25 13.5h5.5",
	"folder-move": folder + "M8 13.5h7.5M12.75 10.75l2.75 2.75-2.75 2.75",
	mail: envelope + "M3.5 7.5l8.5 6 8.5-6",
	"mail-open": "M3 10v8a1.5 1.5 0 0 0 1.5 1.5h15A1.5 1.5 0 0 0 21 18v-8l-9-6zM3.5 10.5l8.5 5.5 8.5-5.5",
	tag: "M3.5 11.4V5A1.5 1.5 0 0 1 5 3.5h6.4a1.5 1.5 0 0 1 1.1.4l7.6 7.6a1.5 1.5 0 0 1 0 2.1l-6.5 6.5a1.5 1.5 0 0 1-2.1 0l-7.6-7.6a1.5 1.5 0 0 1-.4-1.1zM8 8h.01",
	bookmark: "M6 20.5v-16A1.5 1.5 0 0 1 7.5 3h9A1.5 1.5 0 0 1 18 4.5v16L12 16z",

	// Messages
	star: "M12 3.25l2.7 5.5 6.05.9-4.4 4.25 1.05 6.05L12 17.1l-5.4 2.85 1.05-6.05-4.4-4.25 6.05-.9z",
	flag: "M5.5 21V4c2-1 4.25-1 6.5 0s4.5 1 6.5 0v10c-2 1-4.25 1-6.5 0s-4.5-1-6.5 0",
	clip: "M19.5 11.5l-7.4 7.4a4.6 4.6 0 0 1-6.5-6.5l8-8a3.1 3.1 0 0 1 4.4 4.4l-7.8 7.8a1.55 1.55 0 0 1-2.2-2.2l6.9-6.9",
	reply: "M9.5 5L4 10.5 9.5 16M4 10.5h9.5c3.6 0 6.5 2.9 6.5 6.5v2",
	"reply-all": "M7.5 5L2 10.5 7.5 16M12.5 5L7 10.5l5.5 5.5M7 10.5h8.5c3.6 0 6.5 2.9 6.5 6.5v2",
	forward: "M14.5 5l5.5 5.5-5.5 5.5M20 10.5h-9.5C6.9 10.5 4 13.4 4 17v2",
	snooze: "M12 5.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15zM9.75 10.25h4.5l-4.5 5.5h4.5M2.75 6l3-2.5M21.25 6l-3-2.5",
	mute: speaker + "M16.5 9.5l5 5M21.5 9.5l-5 5",
	sound: speaker + "M15.75 9.25a4 4 0 0 1 0 5.5M18.25 6.75a7.5 7.5 0 0 1 0 10.5",
	bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5c1 .8 3 .8 4 0M12 5V3.5",
	calendar: "M5 5.5h14A1.5 1.5 0 0 1 20.5 7v12a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 19V7A1.5 1.5 0 0 1 5 5.5zM3.5 10h17M8 3.25v4M16 3.25v4",
	list: "M8.5 6h12M8.5 12h12M8.5 18h12M4 6h.01M4 12h.01M4 18h.01",
	file: page,
	download: "M12 4v11M7.5 10.5L12 15l4.5-4.5M4.5 19.5h15",
	upload: "M12 15V4M7.5 8.5L12 4l4.5 4.5M4.5 19.5h15",
	print: "M7 8.5v-5h10v5M7 17H5a1.5 1.5 0 0 1-1.5-1.5V10A1.5 1.5 0 0 1 5 8.5h14a1.5 1.5 0 0 1 1.5 1.5v5.5A1.5 1.5 0 0 1 19 17h-2M7 14h10v6.5H7z",
	external: "M13.5 4.5h6v6M19.5 4.5l-8.5 8.5M10 5.5H6A1.5 1.5 0 0 0 4.5 7v11A1.5 1.5 0 0 0 6 19.5h11a1.5 1.5 0 0 0 1.5-1.5v-4",
	code: "M8.5 7l-5 5 5 5M15.5 7l5 5-5 5",

	// Trust
	"lock-closed": lock + "M8 10.5V7.75a4 4 0 0 1 8 0v2.75",
	"lock-open": lock + "M8 10.5V7.25a4 4 0 0 1 7.75-1.4",
	"lock-broken": lock + "M8 10.5V7.75a4 4 0 0 1 8 0v2.75M9.75 13.25l4.5 4.5M14.25 13.25l-4.5 4.5",
	shield,
	"shield-check": shield + "M8.5 11.75l2.5 2.5 4.5-4.75",
	"shield-alert": shield + "M12 8v4.5M12 15.75h.01",
	key: "M8 11.5a4.25 4.25 0 1 1 0 8.5 4.25 4.25 0 0 1 0-8.5zM11 12.75L20 3.75M16 7.75l3 3",
	eye: eye + "M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6z",
	"eye-off": "M9.6 6.1A9 9 0 0 1 12 5.75c4 0 7.5 2.25 9.5 6.25a12.6 12.6 0 0 1-2.6 3.5M6.4 7.3A11.9 11.9 0 0 0 2.5 12c2 4 5.5 6.25 9.5 6.25a10 10 0 0 0 4.4-1M4 4l16 16",

	// Acting
	search: "M10.75 4a6.75 6.75 0 1 1 0 13.5 6.75 6.75 0 0 1 0-13.5zM15.75 15.75l4.75 4.75",
	filter: "M4 6.5h16M7 12h10M10 17.5h4",
	sort: "M7.5 5v14M4 15.5L7.5 19l3.5-3.5M16.5 19V5M13 8.5L16.5 5 20 8.5",
	menu: "M4 6.5h16M4 12h16M4 17.5h16",
	more: dot(12, 5.5) + dot(12, 12) + dot(12, 18.5),
	"more-across": dot(5.5, 12) + dot(12, 12) + dot(18.5, 12),
	check: "M4.5 12.5l5 5 10-11",
	x: "M6 6l12 12M18 6L6 18",
	plus: "M12 5v14M5 12h14",
	minus: "M5 12h14",
	"chevron-up": "M6 15l6-6 6 6",
	"chevron-down": "M6 9l6 6 6-6",
	"chevron-start": "M15 6l-6 6 6 6",
	"chevron-end": "M9 6l6 6-6 6",
	"arrow-start": "M10.5 5.5L4 12l6.5 6.5M4 12h16",
	undo: "M8.5 4.5L4 9l4.5 4.5M4 9h10a5.5 5.5 0 0 1 0 11H8",
	refresh: "M20 5v5h-5M19.5 10a8 8 0 1 0 .4 4.5",
	copy: "M10 8.5h8.5A1.5 1.5 0 0 1 20 10v8.5a1.5 1.5 0 0 1-1.5 1.5H10a1.5 1.5 0 0 1-1.5-1.5V10A1.5 1.5 0 0 1 10 8.5zM5 15.5A1.5 1.5 0 0 1 4 14V5.5A1.5 1.5 0 0 1 5.5 4H14a1.5 1.5 0 0 1 1.5 1",
	move: "M12 3.5v17M3.5 12h17M9.5 6L12 3.5 14.5 6M9.5 18l2.5 2.5 2.5-2.5M6 9.5L3.5 12 6 14.5M18 9.5l2.5 2.5-2.5 2.5",
	edit: "M4 20l1-4.5L16.25 4.25a1.75 1.75 0 0 1 2.5 0l1 1a1.75 1.75 0 0 1 0 2.5L8.5 19zM14 6.5l3.5 3.5",
	compose: "M11.5 4.5H6A1.5 1.5 0 0 0 4.5 6v12A1.5 1.5 0 0 0 6 19.5h12a1.5 1.5 0 0 0 1.5-1.5v-5.5M9 15l.75-3.25L18 3.5 20.5 6l-8.25 8.25z",
	settings: "M12 8.75a3.25 3.25 0 1 1 0 6.5 3.25 3.25 0 0 1 0-6.5zM10.4 3.5h3.2l.5 2.4 1.9 1.1 2.3-.8 1.6 2.8-1.8 1.6v2.8l1.8 1.6-1.6 2.8-2.3-.8-1.9 1.1-.5 2.4h-3.2l-.5-2.4L8 17l-2.3.8L4.1 15l1.8-1.6v-2.8L4.1 9l1.6-2.8L8 7l1.9-1.1z",
	user: "M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4.5 20.5c.5-3.75 3.5-5.75 7.5-5.75s7 2 7.5 5.75",
	users: "M9.5 5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM3 19.5c.4-3.1 2.9-5 6.5-5s6.1 1.9 6.5 5M15.5 5.4a3.5 3.5 0 0 1 0 6.2M17.5 14.9c2 .6 3.25 2.2 3.5 4.6",
	"log-out": "M14.5 8V5.5A1.5 1.5 0 0 0 13 4H6a1.5 1.5 0 0 0-1.5 1.5v13A1.5 1.5 0 0 0 6 20h7a1.5 1.5 0 0 0 1.5-1.5V16M9.5 12h11M17 8.5l3.5 3.5-3.5 3.5",
	sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
	moon,
	contrast: disc + "M12 3v18M12 7.5h7.7M12 12h9M12 16.5h7.7",
	help: disc + "M9.4 9.6a2.7 2.7 0 1 1 4 2.3c-.9.5-1.4 1-1.4 2M12 17h.01",
	info: disc + "M12 11v5.5M12 7.75h.01",
	warning: "M12 4L2.75 19.75h18.5zM12 10v4.5M12 17.25h.01",
	offline: "M3 8.5a14 14 0 0 1 4.5-2.7M11.5 5A14 14 0 0 1 21 8.5M6 12.25A9.5 9.5 0 0 1 9.75 10M14.5 10a9.5 9.5 0 0 1 3.5 2.25M9 16a5 5 0 0 1 6 0M12 19.5h.01M4 4l16 16",
	"pane-end": frame + "M12 4v16",
	"pane-below": frame + "M3 12h18",
	"pane-none": frame,
	density: "M4 5h16M4 9.67h16M4 14.33h16M4 19h16",
	grow: "M13.5 4.5h6v6M10.5 19.5h-6v-6M19.5 4.5l-6 6M4.5 19.5l6-6",
	shrink: "M19.5 10.5h-6v-6M4.5 13.5h6v6M13.5 10.5l6-6M10.5 13.5l-6 6",
	keyboard: "M4 6h16a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 20 18H4a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 4 6zM6.5 10h.01M10.2 10h.01M13.8 10h.01M17.5 10h.01M8 14h8",

	// Writing
	bold: "M7.5 12V4.5h5a3.75 3.75 0 0 1 0 7.5zM7.5 12v7.5h6a3.75 3.75 0 0 0 0-7.5",
	italic: "M10 4.5h7M7 19.5h7M13.5 4.5l-3 15",
	underline: "M7 4v7a5 5 0 0 0 10 0V4M5.5 20.5h13",
	strike: "M16.5 7c-.6-1.6-2.2-2.5-4.4-2.5-2.6 0-4.4 1.3-4.4 3.4 0 2.6 2.6 3.3 4.3 4.1h0c3 .6 4.9 1.6 4.9 4.1 0 2.1-1.9 3.4-4.7 3.4-2.6 0-4.4-1.1-4.9-3M4 12h16",
	"list-bullet": "M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01",
	"list-number": "M10 6h10M10 12h10M10 18h10M4 4.5L5.5 4v4.5M4 8.5h3M4 14.5c.3-1 2.7-1 2.7.4 0 1.1-1.7 1.8-2.7 3.1h2.9",
	quote: "M9.5 7C6.5 8 5 10.2 5 13.5V17h5v-5H7.5M18.5 7c-3 1-4.5 3.2-4.5 6.5V17h5v-5h-2.5",
	link: "M10 14l4-4M11 7.5l2.3-2.3a3.9 3.9 0 0 1 5.5 5.5L16.5 13M13 16.5l-2.3 2.3a3.9 3.9 0 0 1-5.5-5.5L7.5 11",
	image: frame + "M3.5 17l5-5 4.5 4.5M11.5 15l3-3 6 6M15.5 8.25h.01",
	"clear-format": "M6 7V4.5h13V7M12.5 4.5l-3 12M7 19.5h5M15 15l5 5M20 15l-5 5",
	signature: "M3.5 19.5h17M4 15c3-1 7-6 7-9.5 0-1.5-2-1.5-2.5.5-.6 2.6-.5 9.5 1.5 9.5 1.5 0 2-3 3.5-3 1.2 0 .8 2.5 2.3 2.5 1 0 1.7-1 4.2-1",
} as const;

/** Names of the icons. */
export type IconName = keyof typeof paths;

/** All names, for pages that show them. */
export const iconNames = Object.keys(paths) as IconName[];

// Those that point along the line of writing.
const turning: ReadonlySet<IconName> = new Set<IconName>([
	"reply", "reply-all", "forward", "send", "chevron-start", "chevron-end", "arrow-start", "undo", "folder-move", "log-out", "external",
	"list", "list-bullet", "list-number", "compose", "edit", "pane-end", "mute", "sound", "quote",
]);

const svg = "http://www.w3.org/2000/svg";

/** Makes an icon of size CSS pixels. It is decoration to screen readers: what it stands on has a name. */
export function icon(name: IconName, size = 20): SVGSVGElement {
	const element = document.createElementNS(svg, "svg");
	element.setAttribute("class", turning.has(name) ? "icon turns" : "icon");
	element.setAttribute("viewBox", "0 0 24 24");
	element.setAttribute("width", String(size));
	element.setAttribute("height", String(size));
	element.setAttribute("aria-hidden", "true");
	const path = document.createElementNS(svg, "path");
	path.setAttribute("d", paths[name]);
	element.append(path);
	return element;
}

/** Changes which icon an element of icon shows. */
export function setIcon(element: SVGSVGElement, name: IconName): void {
	element.firstElementChild!.setAttribute("d", paths[name]);
	element.classList.toggle("turns", turning.has(name));
}
