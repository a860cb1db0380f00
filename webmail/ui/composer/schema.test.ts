import test from "node:test";
import assert from "node:assert/strict";
import { typedAddress } from "./schema";

test("what people type for the address of a link", () => {
	for (const [typed, want] of [
		["example.org", "https://example.org"], [" example.org/a?b#c ", "https://example.org/a?b#c"], ["http://localhost:80/x", "http://localhost:80/x"],
		["ana@example.org", "mailto:ana@example.org"], ["mailto:ana@example.org", "mailto:ana@example.org"], ["tel:+4912", "tel:+4912"],
		["javascript:alert(1)", undefined], ["data:text/html,x", undefined], ["just words", undefined], ["", undefined], ["word", undefined],
	] as const) assert.equal(typedAddress(typed), want, typed);
});
