import type { App } from "../app";

/** Heights of rows in CSS pixels, by density. */
const heights: { readonly [density: string]: number } = { comfortable: 64, compact: 40, cosy: 88, phone: 72 };

/** How dense rows are, and how high: on a phone as a finger needs it. */
export function density(app: App): { readonly name: string; readonly height: number } {
	const name = app.layout === "phone" ? "phone" : app.account.settings.Density;
	return { name, height: heights[name] ?? 64 };
}
