// Package webassets serves what the pages of mox are built of: scripts and styles, made from TypeScript and CSS by
// web/build.mjs and embedded in the binary.
//
// A [Bundle] is the built files of one face, such as the webmail. Its ServeHTTP answers requests for the files. Their
// names have a hash of their content, so browsers keep them for ever (RFC 8246) and a new version has new names. The binary holds them
// compressed with brotli (RFC 7932) only; gzip (RFC 1952) and plain forms are made when a client first asks for one.
//
// [Bundle.WritePage] writes the HTML that loads them. It has no script or style of its own, which the content security policy
// that comes with it would refuse; values for the script stand in a block of JSON. All addresses are relative, so
// that a page works wherever a proxy puts it.
package webassets
