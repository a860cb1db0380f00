package message

import "testing"

func TestBaseSubject(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, want string
		reply    bool
	}{
		{"hello", "hello", false},
		{"Re: hello", "hello", true},
		{"RE:hello", "hello", true},
		{"re : hello", "hello", true},
		{"Fwd: hello", "hello", true},
		{"FW: Re: Fwd: hello", "hello", true},
		{"Re[2]: hello", "hello", true},
		{"Re [list]: hello", "hello", true},
		{"[list] Re: hello", "hello", true},
		{"[list] hello", "hello", false},
		{"[a] [b] Re: [c] hello", "hello", true},
		{"Re: [list] hello (fwd)", "hello", true},
		{"hello (fwd) (FWD) ", "hello", true},
		{"[Fwd: hello]", "hello", true},
		{"[fwd: Re: [list] hello (fwd)]", "hello", true},
		{"Re: [Fwd: hello]", "hello", true},
		{"a\t b \r\n  c", "a b c", false},

		{"[list]", "[list]", false}, // Nothing would be left.
		{"Re: [list]", "[list]", true},
		{"Re:", "", true},
		{"", "", false},
		{"(fwd)", "", true},
		{"[fwd:]", "", true},
		{"Regarding: x", "Regarding: x", false},
		{"Re x: y", "Re x: y", false},
		{"AW: hello", "AW: hello", false}, // Not in the standard.
		{"[a [b] c] hello", "[a [b] c] hello", false},
		{"[open hello", "[open hello", false},
		{"[fwd hello]", "[fwd hello]", false},
		{"fwd", "fwd", false},
	}
	for _, test := range tests {
		got, reply := BaseSubject(test.in)
		if got != test.want || reply != test.reply {
			t.Errorf("%q: got %q %v, want %q %v", test.in, got, reply, test.want, test.reply)
		}
	}
}
