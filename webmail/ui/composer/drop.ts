/** Takes files that are dropped on an element, unless something in it takes them. Marks the element while they are over it. */
export function acceptFiles(root: HTMLElement, add: (files: readonly File[]) => void): void {
	const over = (on: boolean) => root.classList.toggle("dropping", on);
	const files = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
	root.addEventListener("dragover", (event) => {
		if (!files(event)) return;
		event.preventDefault();
		over(true);
	});
	root.addEventListener("dragleave", (event) => {
		if (!(event.relatedTarget instanceof Node) || !root.contains(event.relatedTarget)) over(false);
	});
	root.addEventListener("drop", () => over(false), { capture: true });
	root.addEventListener("drop", (event) => {
		if (!files(event) || event.defaultPrevented) return;
		event.preventDefault();
		add([...event.dataTransfer?.files ?? []]);
	});
}
