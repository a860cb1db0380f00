import { h } from "../../../lib/dom";
import { Dialog } from "../../../components/dialog/dialog";

/** Something that is loaded later. */
export function compose(): void {
	new Dialog({ title: "New message", closeLabel: "Close", size: "large", body: [h("p", "The composer would be here.")] });
}
