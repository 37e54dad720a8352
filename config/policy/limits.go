package policy

import "time"

// Limits are how long a terminal waits for people. A zero one is the terminal's own.
type Limits struct {
	Idle, MoreTime, TakeCard, CardLeft, TakePaper, Confirm, Message, Refused time.Duration
}

type limit struct {
	key         string
	to          *time.Duration
	least, most time.Duration
	ja, en      string
}

// limitTable ties keys to l. None may be so short that nobody can act, or so long that a card or paper lies about.
func limitTable(l *Limits) []limit {
	const s = time.Second
	return []limit{
		{"idle", &l.Idle, 20 * s, 180 * s, "操作がないまま待つ時間。", "Nobody presses anything."},
		{"more_time", &l.MoreTime, 10 * s, 60 * s, "「続けますか」の答えを待つ時間。", "To answer whether more time is needed."},
		{"take_card", &l.TakeCard, 20 * s, 180 * s, "カードが取られるのを待つ時間。過ぎれば印刷しない。", "To take the card; then the document is void."},
		{"card_left", &l.CardLeft, 10 * s, 180 * s, "終了後にカードが残っていて係員を呼ぶまで。", "A card left after the end, until staff are called."},
		{"take_paper", &l.TakePaper, 20 * s, 300 * s, "用紙が取られるのを待つ時間。過ぎれば係員の確認まで停止する。", "To take the paper; then no visit begins until staff have looked."},
		{"confirm", &l.Confirm, 30 * s, 600 * s, "窓口で職員が確認する時間。", "At a counter, for staff to read the sheets."},
		{"message", &l.Message, 5 * s, 60 * s, "最後の画面を残す時間。", "How long the last word stays."},
		{"refused", &l.Refused, 20 * s, 300 * s, "お断りの画面を残す時間。", "How long a refusal stays, with a number to write down."},
	}
}

// Limits are how long a terminal waits for people.
func (p *Policy) Limits() Limits { return p.limits }

type wireLimits struct {
	Idle      *duration `toml:"idle"`
	MoreTime  *duration `toml:"more_time"`
	TakeCard  *duration `toml:"take_card"`
	CardLeft  *duration `toml:"card_left"`
	TakePaper *duration `toml:"take_paper"`
	Confirm   *duration `toml:"confirm"`
	Message   *duration `toml:"message"`
	Refused   *duration `toml:"refused"`
}

func (w wireLimits) limits() (l Limits) {
	from := []*duration{w.Idle, w.MoreTime, w.TakeCard, w.CardLeft, w.TakePaper, w.Confirm, w.Message, w.Refused}
	for i, e := range limitTable(&l) {
		if from[i] != nil {
			*e.to = time.Duration(*from[i])
		}
	}
	return l
}
