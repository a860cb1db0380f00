//go:build !unix

package main

func ownerOf(string) (uid, gid int, ok bool) { return 0, 0, false }
