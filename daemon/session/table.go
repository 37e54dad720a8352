package session

// State is where the visit stands.
type State uint8

// Event is something that happened.
type Event uint8
