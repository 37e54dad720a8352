package touch

// Panel is the practice world's side of the control panel that stands beside the kiosk's picture. Outside practice
// there is none. Each act returns an error for the person at the panel, in plain words, or nil.
type Panel interface {
	People() []Person
	State() PanelState
	Place(person string) error                 // puts this person's card on the reader
	Type(wrong bool) error                     // types that card's PIN at the reader, or another one
	Refuse() error                             // presses the red key there
	Pull() error                               // takes whatever card lies there
	Jam() error                                // the printer jams during the next sheet
	ClearJam() error                           //
	PaperOut() error                           // the paper runs out, or is filled again
	TakePaper() error                          // the sheets in the tray are taken
	HandStranger() error                       // the issuer hands the next package of a neighbour over, or no longer
	Play(scenario string) error                // this scenario's fault is in the municipality's program from now on, or no longer
	Staff() error                              // signed-in staff say that tray and path are empty
	Close() error                              // the municipality closes this terminal's incidents, each with a cause and signed
	Sheet(name string) (pdf []byte, err error) // a printed sheet, by the name that State gave
}

// Person is one fictional person with a card.
type Person struct {
	ID    string // "p07"
	Label string // the fictional name
	Note  string // one line: kind of card, what is special
	PIN   string // the practice card's PIN
}

// PanelState is what the panel shows.
type PanelState struct {
	Card       string // ID of the person whose card lies on the reader; "" none
	TriesLeft  int    // of that card's PIN
	Keys       bool   // the reader has keys of its own
	Jammed     bool
	PaperOut   bool
	InTray     int  // sheets in the tray
	Stranger   bool // the next package will be a neighbour's
	Scenarios  []Scenario
	Policies   []Scenario // what can be done to the policy in force
	StaffCode  string     // at a counter: how the practice world's member of staff confirms a name, in plain words
	NeedsStaff bool       // no visit begins until staff have looked
	Open       int        // incidents that nobody has closed
	Sheets     []Sheet
	Events     []Event // newest first
}

// Scenario is one incident that can be played, or a change of the policy.
type Scenario struct {
	ID          string
	Ja, En      string // where and when
	JaWhy, Why  string // the published cause
	JaHow, How  string // who meets it: the document to ask for, and whose cards do
	On          bool
	OtherPlaces bool // it shows on a channel that this terminal is not on
}

// Sheet is one printed document in the practice printer's directory.
type Sheet struct {
	Name  string // letters, digits, dot, hyphen, underscore
	Label string
}

// Event is one line of the panel's log. It holds nothing personal.
type Event struct {
	Visit   uint64
	State   string
	Outcome string
	Code    string // reason code
}
