/** Returns the client for what sherpats wrote. runtime is where api.ts is, as seen from the file. */
export function compact(source: string, runtime?: string): string;
