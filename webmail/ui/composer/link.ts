import { button } from "../../../web/components/button/button";
import { Dialog } from "../../../web/components/dialog/dialog";
import { field, input } from "../../../web/components/form/form";
import { h, uniqueID } from "../../../web/lib/dom";
import { t } from "../texts";
import type { Editor } from "./editor";
import { typedAddress } from "./schema";

/** Asks for the address of a link, and sets it. */
export function askLink(editor: Editor): void {
	const now = editor.link;
	const address = input({ type: "text", value: now.address || typedAddress(now.text) || "", autocomplete: "off" });
	address.inputMode = "url";
	const text = input({ value: now.text, autocomplete: "off" });
	const checked = field(address, { label: t("link.address") });
	const form = h("form", {
		class: "composer-form", id: uniqueID("link"), on: {
			submit: (event) => {
				event.preventDefault();
				const a = typedAddress(address.value);
				if (!a) {
					checked.setError(t("link.bad"));
					address.focus();
					return;
				}
				dialog.close();
				editor.setLink(a, text.value.trim() || address.value.trim());
			},
		},
	}, checked.root, field(text, { label: t("link.text") }).root);
	const set = button({ label: t("link.set"), kind: "primary", type: "submit" });
	set.setAttribute("form", form.id);
	const remove = button({
		label: t("link.remove"), run: () => {
			dialog.close();
			editor.setLink("", "");
		},
	});
	const dialog: Dialog = new Dialog({
		title: t("link.title"), closeLabel: t("cancel"), size: "small", body: [form], focus: address,
		actions: [...now.address ? [remove] : [button({ label: t("cancel"), run: () => dialog.close() })], set],
	});
	address.select();
}
