import assert from "node:assert/strict";
import test from "node:test";
import { displayName, formatAddress, formatAddresses, hash, hue, initials, isAddress, parseAddress, parseAddresses } from "./text";

const parsed = (text: string) => {
	const { addresses, rest } = parseAddresses(text);
	return [...addresses.map(a => `${a.name}|${a.address}`), ...rest.map(r => `?${r}`)];
};

test("addresses are understood as people type and paste them", () => {
	for (const [text, want] of [
		["ana@example.org", ["|ana@example.org"]],
		["Ana <ana@example.org>, ben@example.org; \"Cy, Dr.\" <cy@example.org>\r\n<dee@example.org>", ["Ana|ana@example.org", "|ben@example.org", "Cy, Dr.|cy@example.org", "|dee@example.org"]],
		["a@example.org b@example.org", ["|a@example.org", "|b@example.org"]],
		["mailto:ana@example.org", ["|ana@example.org"]],
		["\"A \\\"B\\\" C\" <a@b.org>", ["A \"B\" C|a@b.org"]],
		["'Ana' <ana@example.org>", ["Ana|ana@example.org"]],
		["Ana (at work; home) <ana@example.org>", ["Ana|ana@example.org"]],
		["Team: ana@example.org, ben@example.org;", ["|ana@example.org", "|ben@example.org"]],
		["Łukasz Żółć <łukasz@bücher.example>", ["Łukasz Żółć|łukasz@bücher.example"]],
		["\"odd local\"@example.org", ["|\"odd local\"@example.org"]],
		["Ana < ana@example.org >", ["Ana|ana@example.org"]],
		["5\" nails <a@b.org>, c@d.org", ["5\" nails|a@b.org", "|c@d.org"]],
		["O'Neil, Pat <pat@example.org>", ["Pat|pat@example.org", "?O'Neil"]],
		["", []],
		[" ,;\n ", []],
		["ana, <>, x@, @y", ["?ana", "?<>", "?x@", "?@y"]],
	] as const) {
		assert.deepEqual(parsed(text), [...want], text);
	}
});

test("what cannot be an address is none", () => {
	for (const good of ["a@b", "a.b+c@example.org", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "\"a b\"@c.org", "日本@例え.jp", "a@example.org.", `${"x".repeat(64)}@b.org`]) {
		assert(isAddress(good), good);
	}
	for (const bad of ["", "a", "a@", "@b", "a b@c.org", "a..b@c.org", ".a@b.org", "a@b..org", "a@-b.org", "a@b-.org", "a@b c", "a@[1.2.3]", "a,b@c.org", "a\u0000@b.org", `${"x".repeat(65)}@b.org`, `a@${"b".repeat(64)}.org`, "<a@b.org>"]) {
		assert(!isAddress(bad), bad);
	}
});

test("a formatted address is parsed again as it was", () => {
	for (const name of ["", "Ana", "Cy, Dr.", "A \"B\" C", "back\\slash", "Ben (work)", "x@y.org", "<b>", "Łukasz", "semi;colon"]) {
		const address = { name, address: "a@example.org" };
		assert.deepEqual(parseAddress(formatAddress(address)), address);
		assert.deepEqual(parseAddresses(formatAddresses([address, address])), { addresses: [address, address], rest: [] });
	}
	assert.equal(formatAddress({ name: "Two\r\nBcc: lines", address: "a@b.org" }), "\"Two Bcc: lines\" <a@b.org>");
});

test("initials are of the name, or else of the address", () => {
	for (const [name, address, want] of [
		["Ana Maria Lopez", "x@y.org", "AL"],
		["Lopez, Ana", "x@y.org", "AL"],
		["ana", "x@y.org", "A"],
		["", "ana.lopez@y.org", "AL"],
		["\"Ben\" [ext]", "x@y.org", "B"],
		["山田 太郎", "x@y.org", "山太"],
		["👋", "x@y.org", "?"],
		["ßo", "x@y.org", "SS"],
	] as const) {
		assert.equal(initials({ name, address }), want, name);
	}
	assert.equal(displayName({ name: " ", address: "ana@example.org" }), "ana");
	assert.equal(displayName({ name: "", address: "ana" }), "ana");
});

test("hues are the same for an address however it is written, and spread", () => {
	assert.equal(hue("Ana@Example.org"), hue(" ana@example.org"));
	const counts = Array<number>(9).fill(0);
	for (let i = 0; i < 900; i++) {
		const n = hash(`user${i}@example.org`, 9);
		counts[n] = (counts[n] ?? 0) + 1;
	}
	assert(Math.min(...counts) > 60, counts.join());
});
