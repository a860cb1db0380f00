import type { IconName } from "../../web/lib/icons";
import { type Mailbox, Role } from "./api";

/** The icon of a mailbox. */
export function mailboxIcon(mailbox: Mailbox): IconName {
	switch (mailbox.Role) {
		case Role.RoleInbox:
			return "inbox";
		case Role.RoleDrafts:
			return "draft";
		case Role.RoleSent:
			return "send";
		case Role.RoleArchive:
			return "archive";
		case Role.RoleJunk:
			return "junk";
		case Role.RoleTrash:
			return "trash";
		case Role.RoleRejects:
			return "reject";
		case Role.RoleScheduled:
			return "clock";
		default:
			return "folder";
	}
}
