package main

// checkServerUser finds every user good: the server runs as who starts it.
func checkServerUser(string) error { return nil }

// giveToServer has nothing to do: files belong to who starts the server.
func giveToServer(string, bool) error { return nil }
