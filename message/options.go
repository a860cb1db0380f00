package message

// Default limits of a [Parser]. They are far above what real messages have.
const (
	DefaultMaxDepth            = 100
	DefaultMaxParts            = 10000
	DefaultMaxHeaderBytes      = 1 << 20
	DefaultMaxHeaderFields     = 5000
	DefaultMaxTotalHeaderBytes = 16 << 20
	DefaultMaxElements         = 50000
)

// Options are the limits of a [Parser]. For each, zero means the default.
type Options struct {
	// MaxDepth is how deep multiparts and messages may be nested in each other.
	MaxDepth int

	// MaxParts is the number of parts of the whole tree.
	MaxParts int

	// MaxHeaderBytes is how much of one header is kept and looked at, in bytes.
	MaxHeaderBytes int

	// MaxHeaderFields is how many fields of one header are looked at.
	MaxHeaderFields int

	// MaxTotalHeaderBytes is how much of all headers together is looked at, in
	// bytes.
	MaxTotalHeaderBytes int

	// MaxElements is how many addresses and parameters are kept in the whole tree,
	// which may take many times the memory of the bytes they are written with.
	MaxElements int
}

func (o Options) withDefaults() Options {
	set := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	set(&o.MaxDepth, DefaultMaxDepth)
	set(&o.MaxParts, DefaultMaxParts)
	set(&o.MaxHeaderBytes, DefaultMaxHeaderBytes)
	set(&o.MaxHeaderFields, DefaultMaxHeaderFields)
	set(&o.MaxTotalHeaderBytes, DefaultMaxTotalHeaderBytes)
	set(&o.MaxElements, DefaultMaxElements)
	return o
}
