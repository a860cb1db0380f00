import assert from "node:assert/strict";
import test from "node:test";
import { chooseLanguage, english, Language } from "./i18n";

const texts = { ...english, messages: { one: "{n} message", other: "{n} messages" }, to: "To {name} in {box}", only: "Only here" };
const en = new Language("en", texts);

test("texts have their arguments, and numbers their form", () => {
	assert.equal(en.t("messages", { n: 1 }), "1 message");
	assert.equal(en.t("messages", { n: 12_408 }), "12,408 messages");
	assert.equal(en.t("messages", { n: 0 }), "0 messages");
	assert.equal(en.t("to", { name: "{box} $&", box: "Inbox" }), "To {box} $& in Inbox");
	assert.equal(en.t("to", { name: "Ana" }), "To Ana in {box}");
});

test("a language has all plural forms it needs, and English where it has no text", () => {
	const pl = new Language("pl", { messages: { one: "{n} wiadomość", few: "{n} wiadomości", many: "{n} wiadomości!", other: "{n} wiadomości?" } }, texts);
	assert.deepEqual([1, 3, 5].map(n => pl.t("messages", { n })), ["1 wiadomość", "3 wiadomości", "5 wiadomości!"]);
	assert.equal(pl.t("only"), "Only here");
	assert.equal(pl.t("nowhere"), "nowhere");
	assert.equal(pl.t("constructor"), "constructor");
	assert.throws(() => new Language("no such language", texts), /RangeError/);
});

test("numbers and sizes are those of the language", () => {
	assert.deepEqual([0, 999, 1000, 3249, 9_990_000, 10_400_000, 999_600_000, 5e12, 7e15].map(n => en.size(n)), ["0 B", "999 B", "1 kB", "3.2 kB", "10 MB", "10 MB", "1 GB", "5 TB", "7,000 TB"]);
	assert.equal(new Language("de", texts).size(3249), "3,2 kB");
	assert.equal(new Language("de", texts).number(12_408), "12.408");
	assert.equal(en.sizeOf(3.21e9, 10e9), "3.2 of 10 GB");
	assert.equal(en.percent(0.321), "32%");
	assert.equal(en.list(["Ana", "Ben", "Cy"]), "Ana, Ben, and Cy");
	assert.deepEqual(["b10", "B9", "a"].sort(en.compare), ["a", "B9", "b10"]);
});

test("languages are chosen as near as there are, and know their direction", () => {
	assert.equal(chooseLanguage(["pt-PT", "de"], ["en", "de", "pt-BR"]), "pt-BR");
	assert.equal(chooseLanguage(["de-AT"], ["en", "de"]), "de");
	assert.equal(chooseLanguage(["xx", "fr"], ["en", "de"]), "en");
	assert.equal(new Language("he-IL", texts).direction, "rtl");
	assert.equal(en.direction, "ltr");
});
