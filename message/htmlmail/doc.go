// Package htmlmail makes the text of messages fit to be shown in a browser: text/html, which
// strangers wrote and which may do anything, and text/plain.
//
// # HTML
//
// [Sanitizer.Sanitize] turns the HTML of a message into a [Document] for a sandboxed frame, served with
// the policy of [ContentSecurityPolicy]. Three nets hang below each other, and the policy of the frame is
// a fourth:
//
//  1. The tokens of the message are written again as balanced markup of known elements, with
//     bounds on depth, elements and attributes. Scripts, forms, foreign content, comments and
//     whatever else has no place in a message end here, style sheets are taken aside.
//  2. The policy of package bluemonday is applied to that.
//  3. The result is parsed, each attribute of the tree is read as what it is (a URL, a style, a length, a
//     colour) and written again from its meaning. Style sheets are parsed by the rules of CSS Syntax Module
//     Level 3 and only known properties with harmless values survive. The tree is written
//     and parsed again until both are the same, so a browser sees the tree that was checked.
//
// What a message would load from elsewhere is left out and counted until
// [Options.AllowRemote] is set. Images of the message itself (cid URLs, RFC 2392) get
// the addresses that [Options.CID] gives. Links tell where they truly go.
// Words that mix scripts are marked, quoted text is folded.
//
// # Text
//
// [FromText] makes a Document of text/plain, with format=flowed (RFC 3676), quotes and links.
// [ToText] goes the other way, for the text/plain alternative of a message and for quoting, where
// [Flow] and [Quote] help.
//
// The names of classes that this package adds begin with "mox-", those of a message never do.
package htmlmail
