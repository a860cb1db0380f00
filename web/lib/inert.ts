// The one place where a string is read as HTML, for what is pasted or dropped into the editor and for kept drafts. What
// comes out is a document without a window: no script runs in it and nothing is loaded, until somebody copies nodes out
// of it, by name and attribute by attribute.

interface Policy {
	createHTML(html: string): string;
}

interface Factory {
	createPolicy(name: string, rules: { createHTML(html: string): string }): Policy;
}

let policy: Policy | undefined;

/** Parses HTML into a document that is inert. Its nodes must not be adopted as they are. */
export function parseInert(html: string): Document {
	if (!policy) {
		const rules = { createHTML: (s: string) => s };
		// The name is in the page's content security policy, for this policy alone.
		policy = (globalThis as { trustedTypes?: Factory }).trustedTypes?.createPolicy("mox-inert", rules) ?? rules;
	}
	return new DOMParser().parseFromString(policy.createHTML(html), "text/html");
}
