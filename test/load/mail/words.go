package mail

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// vocabularySize is about what a person uses in mail.
const vocabularySize = 5000

// vocabulary returns words from the most frequent to the rarest: those of everyday mail, then made-up
// ones.
func vocabulary() []string {
	words := strings.Fields(frequentWords)
	used := make(map[string]bool, vocabularySize)
	for _, w := range words {
		used[w] = true
	}
	r := rand.New(rand.NewPCG(1, 2))
	syllables := strings.Fields(syllableList)
	for len(words) < vocabularySize {
		var b strings.Builder
		for range 2 + r.IntN(3) {
			b.WriteString(syllables[r.IntN(len(syllables))])
		}
		if w := b.String(); !used[w] {
			used[w] = true
			words = append(words, w)
		}
	}
	return words
}

// zipf draws positions in the vocabulary as often as words of a language come.
func zipf(r *rand.Rand, words int) *rand.Zipf { return rand.NewZipf(r, 1.15, 3, uint64(words-1)) }

const frequentWords = `the to and of a in is for you on that with this be it are we as have at or will
from your by can not our if please all was they but has an more any there which their been would
when me my so do about time one out up what who no new some other only just know could should
them were her his than us also into over after before next last first week month year today
tomorrow yesterday monday friday meeting call report project team customer order price office
number document file version change update review question answer issue problem plan budget
contract draft agenda minutes schedule deadline account payment invoice delivery shipment
release server network backup password request approval travel hotel flight ticket room
summer winter garden school family birthday dinner photo music holiday weekend picture
train river mountain window paper letter signed attached below regards thanks best dear
hello sincerely kind soon look forward hearing need want think see send received reply
forward copy list page line part point case work day people place right small large early
late open closed full empty free public private local final second third several many few`

const syllableList = `ba be bi bo bu ca ce ci co cu da de di do du fa fe fi fo fu ga ge gi go gu ha he hi
ho la le li lo lu ma me mi mo mu na ne ni no nu pa pe pi po pu ra re ri ro ru sa se si so su ta te ti to
tu va ve vi vo wa we wi wo ka ke ki ko ku jan ben cor dal fen gar hol ist jor ken lan mer nor ost par
ren sol tar und ver win`

const firstNames = `Ann Ben Clara David Emma Frank Grace Hugo Ines Jonas Karin Luis Maria Nils Olga Peter
Rosa Stefan Tina Victor Zoë José Søren Łukasz Jürgen`

const familyNames = `Smith Jones Garcia Meyer Rossi Novak Silva Larsen Dubois Kowalski Yamada Okafor
Peeters Andersson Horvath Costa Walker Bauer Fischer Moreau Nguyen Patel Haddad Ivanova Murphy
Müller Gómez Çelik`

// person returns the name and address of a sender.
func person(r *rand.Rand) (name, address string) {
	first, family := strings.Fields(firstNames), strings.Fields(familyNames)
	f, l := first[r.IntN(len(first))], family[r.IntN(len(family))]
	local := strings.NewReplacer("ë", "e", "é", "e", "ø", "o", "Ł", "L", "ü", "u", "ó", "o", "Ç", "C").Replace(f + "." + l)
	return f + " " + l, fmt.Sprintf("%s@%s.example", strings.ToLower(local), []string{"home", "office", "shop", "club", "press"}[r.IntN(5)])
}
