import { button, setBusy } from "../../web/components/button/button";
import { Dialog } from "../../web/components/dialog/dialog";
import { field, input } from "../../web/components/form/form";
import { APIError, type AskLogin } from "../../web/lib/api";
import { h } from "../../web/lib/dom";
import { t } from "./texts";

/** Returns what asks for the password over the page, when the session is over. */
export function askLogin(username: string): AskLogin {
	return (logIn, signal) => new Promise((resolve, reject) => {
		if (signal.aborted) return resolve(); // Another tab has logged in while this was loaded.
		let done = false;
		const password = input({ type: "password", name: "password", autocomplete: "current-password", required: true });
		const secret = field(password, { label: t("login.password") });
		const action = button({ label: t("login.do"), kind: "primary", type: "submit" });
		const form = h("form", {
			id: "login-again",
			on: {
				submit: async (event) => {
					event.preventDefault();
					secret.setError("");
					const ready = setBusy(action);
					try {
						await logIn({ Username: username, Password: password.value, Remember: false });
						done = true;
						dialog.close();
						resolve();
					} catch (e) {
						secret.setError(e instanceof APIError && e.kind !== "offline" ? e.message : t("error.offline"));
						password.select();
					} finally {
						ready();
					}
				},
			},
		}, h("p", t("login.text")), h("p", h("strong", username)),
			h("input", { type: "text", name: "username", class: "visually-hidden", tabindex: -1, aria: { hidden: true }, props: { value: username, autocomplete: "username", readOnly: true } }), secret.root);
		action.setAttribute("form", form.id);
		const dialog: Dialog = new Dialog({
			title: t("login.title"), closeLabel: t("cancel"), size: "small", body: [form], actions: [action], focus: password,
			closed: () => {
				if (!done) reject(new APIError("client:noLogin", t("login.text")));
			},
		});
		signal.addEventListener("abort", () => {
			done = true;
			dialog.close();
			resolve();
		}, { once: true });
	});
}
