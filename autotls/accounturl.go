package autotls

import "path/filepath"

// AccountURL returns the URL of the account at a CA that a Manager keeps in its directory, for CAA records by which only
// that account may have certificates issued (RFC 8657 §3). It is empty if there is none yet.
func AccountURL(dir string, c CA) (string, error) {
	var s accountState
	if err := readJSON(filepath.Join(dir, "accounts", c.Name, "account.json"), &s); err != nil {
		return "", err
	}
	if s.DirectoryURL != c.DirectoryURL {
		return "", nil // Of another CA that had this name.
	}
	return s.AccountURL, nil
}
