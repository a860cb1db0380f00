/** Tells whether an error is that a part of the page could not be loaded, in the words of each browser: without network, or as the server has another version. */
export const isMissingPart = (error: unknown): boolean =>
	error instanceof TypeError && /dynamically imported module|Importing a module script failed/i.test(error.message);
