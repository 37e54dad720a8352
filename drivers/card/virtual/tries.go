package virtual

// TriesLeft returns how many wrong user-authentication PINs the card still takes, as its holder would remember.
func (c *Card) TriesLeft() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files[0x0018].pin.left
}
