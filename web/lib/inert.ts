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

// Style attributes are styles for the policy of the page, also in a document that nobody sees, and browsers complain of each.
const styleAttributes = (html: string): string => html.replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/(["'\s])style(?=\s*=)/gi, "$1data-style"));

/** Parses HTML into a document that is inert. Its nodes must not be adopted as they are. What was in style attributes is in data-style. */
export function parseInert(html: string): Document {
	if (!policy) {
		const rules = { createHTML: (s: string) => s };
		// The name is in the page's content security policy, for this policy alone.
		policy = (globalThis as { trustedTypes?: Factory }).trustedTypes?.createPolicy("mox-inert", rules) ?? rules;
	}
	return new DOMParser().parseFromString(policy.createHTML(styleAttributes(html)), "text/html");
}
