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

/**
 * Renames attributes of HTML that are styles and scripts for the policy of the page, also in a document that nobody sees: browsers complain of
 * each. It is for quiet alone: what it does not find is as inert as the rest.
 */
export const quiet = (html: string): string => html.replace(/<[a-z](?:"[^"]*"|'[^']*'|[^<>"'])*>/gi, (tag) =>
	tag.replace(/(?<=[\s/"'])([^\s"'>/=]+)(\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))/g, (attribute: string, name: string) =>
		/^(?:style|on[a-z]+)$/i.test(name) ? "data-" + attribute : attribute));

/** Parses HTML into a document that is inert. Its nodes must not be adopted as they are. What was in style attributes is in data-style. */
export function parseInert(html: string): Document {
	if (!policy) {
		const rules = { createHTML: (s: string) => s };
		// The name is in the page's content security policy, for this policy alone.
		policy = (globalThis as { trustedTypes?: Factory }).trustedTypes?.createPolicy("mox-inert", rules) ?? rules;
	}
	return new DOMParser().parseFromString(policy.createHTML(quiet(html)), "text/html");
}
