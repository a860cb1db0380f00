import assert from "node:assert/strict";
import test from "node:test";
import { Checks, MismatchError } from "./apicheck";

const types = {
	Message: { UID: "int64", Size: "uint32", Subject: "string", At: "timestamp", Flags: "[] string", Parent: "nullable Message", Kind: "Kind", Level: "Level", By: "{} Message" },
	Kind: ["inbox", "sent"],
	Level: [0, 1],
	UID: "int64",
};
const incoming = new Checks(types, true);
const outgoing = new Checks(types, false);

const message = (more: object = {}): Record<string, unknown> => ({
	UID: 7, Size: 9, Subject: "s", At: "2026-11-22T10:00:00.5+01:00", Flags: ["a"], Parent: null, Kind: "inbox", Level: 1, By: {}, ...more,
});

test("data that comes in has Dates, and no nil lists and maps", () => {
	const m = incoming.of("Message")(message({ Flags: null, By: null, Parent: message(), Later: "unknown to this page" })) as { At: Date; Flags: string[]; By: object; Parent: { At: Date } };
	assert.equal(m.At.toISOString(), "2026-11-22T09:00:00.500Z");
	assert.equal(m.Parent.At.getTime(), m.At.getTime());
	assert.deepEqual(m.Flags, []);
	assert.deepEqual(m.By, {});
});

test("a field that is left out is null if it may be, and refused otherwise", () => {
	const { Parent: _, ...rest } = message();
	assert.equal((incoming.of("Message")(rest) as { Parent: unknown }).Parent, null);
	const { Subject: __, ...without } = message();
	assert.throws(() => incoming.of("Message")(without), /^MismatchError: \.Subject: expected string, got undefined$/);
});

test("data of another type is refused, with its place", () => {
	for (const [words, value, where] of [
		["Message", message({ UID: "7" }), ".UID"],
		["Message", message({ UID: 2 ** 53 }), ".UID"],
		["Message", message({ Size: -1 }), ".Size"],
		["Message", message({ Size: 2 ** 32 }), ".Size"],
		["Message", message({ At: "yesterday" }), ".At"],
		["Message", message({ At: 1 }), ".At"],
		["Message", message({ Flags: ["a", 1] }), ".Flags[1]"],
		["Message", message({ Flags: {} }), ".Flags"],
		["Message", message({ Kind: "toString" }), ".Kind"],
		["Message", message({ Level: 2 }), ".Level"],
		["Message", message({ Parent: message({ By: { x: [] } }) }), ".Parent.By[\"x\"]"],
		["Message", message({ By: JSON.parse('{"__proto__": null}') }), ".By[\"__proto__\"]"],
		["Message", [], ""],
		["Message", null, ""],
		["UID", 1.5, ""],
		["int8", 128, ""],
		["bool", 0, ""],
		["float64", NaN, ""],
		["int64s", "1e3", ""],
		["[] Message", {}, ""],
		["toString", {}, ""],
	] as const) {
		let error: unknown;
		try {
			incoming.of(words)(value);
		} catch (e) {
			error = e;
		}
		assert(error instanceof MismatchError, `${words} ${JSON.stringify(value)}`);
		assert.equal(error.message.split(": expected")[0], where);
	}
});

test("what is sent is not changed, and has no field too many", () => {
	const m = Object.freeze({ ...message(), At: new Date(0) });
	assert.equal(outgoing.of("Message")(m), m);
	assert.throws(() => outgoing.of("Message")({ ...m, Bcc: 1 }), /\.Bcc: expected only fields of Message/);
	assert.throws(() => outgoing.of("Message")({ ...m, At: "2026-11-22T10:00:00Z" }), /\.At: expected Date/);
	assert.throws(() => outgoing.of("Message")({ ...m, At: new Date(NaN) }), /\.At/);
	assert.throws(() => outgoing.of("Message")({ ...m, Flags: null }), /\.Flags: expected list/);
});
