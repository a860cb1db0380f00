import { type Mailbox, Role } from "./api";

/** A mailbox with those right below it. */
export interface MailboxBranch {
	readonly mailbox: Mailbox;
	readonly children: readonly MailboxBranch[];
}

/** The order of mailboxes with a role; others stay as they are given. */
const order: readonly Role[] = [Role.RoleInbox, Role.RoleDrafts, Role.RoleScheduled, Role.RoleSent, Role.RoleArchive, Role.RoleJunk, Role.RoleTrash, Role.RoleRejects];

/** Tells whether a mailbox is shown: where messages wait to be sent only is while there are some. */
export const isShown = (m: Mailbox): boolean => m.Role !== Role.RoleScheduled || m.Total > 0;

/** Tells whether messages can be put into a mailbox. Those that wait to be sent come to theirs by themselves. */
export const takesMessages = (m: Mailbox | undefined): boolean => m !== undefined && !m.NoSelect && m.Role !== Role.RoleScheduled;

/**
 * Arranges mailboxes by their names: those with a role, wherever they are, and the user's own ones, each below the nearest
 * that there is above it. What is not shown is left out.
 */
export function mailboxTrees(mailboxes: readonly Mailbox[]): { special: MailboxBranch[]; own: MailboxBranch[] } {
	const branches = new Map<string, { mailbox: Mailbox; children: MailboxBranch[] }>();
	for (const mailbox of mailboxes) {
		if (isShown(mailbox)) branches.set(mailbox.Name, { mailbox, children: [] });
	}
	const above = (name: string) => {
		for (let i = name.lastIndexOf("/"); i > 0; i = name.lastIndexOf("/", i - 1)) {
			const found = branches.get(name.slice(0, i));
			if (found) return found;
		}
		return undefined;
	};
	const special: MailboxBranch[] = [];
	const own: MailboxBranch[] = [];
	for (const branch of branches.values()) {
		const { Name, Role: role } = branch.mailbox;
		if (role !== Role.RoleNone) special.push(branch);
		else (above(Name)?.children ?? own).push(branch);
	}
	special.sort((a, b) => order.indexOf(a.mailbox.Role) - order.indexOf(b.mailbox.Role));
	return { special, own };
}
