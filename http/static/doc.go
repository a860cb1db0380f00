// Package static serves the files of a directory over HTTP: conditional and range requests
// (RFC 9110 §13, §14), compressed forms, listings of directories.
//
// # What is served
//
// The path of a request, decoded once and without the prefix to strip, is the name of a
// file below Root. Only regular files and directories are served. Refused with 400 are
// paths that name no file whatever there is: with ".", ".." or an empty segment, with an
// encoded slash or backslash, a backslash, a control character, or bytes that are not
// UTF-8. Names that begin with a dot are not found, but for /.well-known/. Nothing is
// normalised, so there is no second reading of a path that a filter before could have
// missed.
//
// Below the reading of names stands os.Root: each directory on the way is opened relative
// to the one before without following links, and links are followed by ourselves within Root
// ([SymlinksInside]). Whatever is swapped in the meantime, nothing outside of Root is
// opened. Named pipes, devices and sockets are found out before they are opened, and are
// opened without waiting should they come between.
//
// # Content
//
// The type comes from a table of our own by the ending of the name, and nosniff keeps
// browsers from guessing. The entity tag of a file is strong, made from inode, size and
// time of modification in nanoseconds. A file "page.html.br" (.zst, .gz) that is
// not older is sent instead of "page.html" to clients that take it, with ranges and a strong
// tag of its own. Otherwise files up to 4 MB of types that get smaller are compressed
// when first asked for, if configured, and kept in a [Cache] that is bounded. Larger
// files are never held in memory. Such a form has a weak tag, and no ranges: who asks for
// ranges gets those of the file.
//
// A file is looked at (stat) for each request, so a change is served at once. The content of
// files up to 64 KB is kept, and counts as long as device, inode, size, and times of
// modification and status change are the same; a file changed within the last two seconds is
// not kept, because it may be changed again in the same tick of the clock. Larger files go
// from the page cache to the socket by sendfile where the writer's ReadFrom leads to a
// TCP connection. A response never has more bytes than its Content-Length, and one of a file
// that shrinks ends early, which the client sees.
//
// Files should be replaced by renaming a new one over the old, as with all servers: who
// writes into a file that is being sent has both contents mixed in one response.
package static
