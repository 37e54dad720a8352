package selftest

import (
	"context"
	"errors"
	"time"

	"honnin/config/protocol"
	"honnin/spool"
	"honnin/spool/document"
	"honnin/spool/journal"
)

// accepted is a good document with what a release needs.
type accepted struct {
	document.Verified
	said      protocol.Statement
	inForce   document.InForce
	signature document.ReleaseSignature
}

// faults are the errors of the queue that a case waits for, in a word.
var faults = map[string]error{
	"unverified": document.ErrUnverified, "foreign": document.ErrForeign, "spent": document.ErrSpent, "too-late": document.ErrTooLate,
	"not-empty": spool.ErrNotEmpty, "unreleased": spool.ErrUnreleased, "not-journalled": errDisk, "no-staff": errStaff,
}

// verified gives the check a package with this poison.
func (r *run) verified(ctx context.Context, p poison) (*accepted, error) {
	now := r.own.Now()
	e := r.expectation(r.name(), now)
	if p.want != nil {
		p.want(r.world, &e)
	}
	pkg, said, err := r.issue(e, now, p)
	if err != nil {
		return nil, err
	}
	d, err := r.verifier.Verify(ctx, pkg, e)
	return &accepted{Verified: d, said: said}, err
}

// inForce asks the register, whose answer has this poison.
func (r *run) inForce(a *accepted, p poison) (document.InForce, error) {
	q := protocol.InForceQuestion{Nonce: protocol.NewNonce(), Document: a.Document(), Token: a.Token()}
	raw, err := r.world.answer(a.said, q, r.own.Now(), p)
	if err != nil {
		return document.InForce{}, err
	}
	return r.verifier.InForce(a.Verified, q.Nonce, raw)
}

// paper is one of two good documents, ready to be released. It is made once.
func (r *run) paper(ctx context.Context, n int) (*accepted, error) {
	if r.papers[n] != nil {
		return r.papers[n], nil
	}
	a, err := r.verified(ctx, poison{})
	if err != nil {
		return nil, err
	}
	if a.inForce, err = r.inForce(a, poison{}); err != nil {
		return nil, err
	}
	raw, err := released(r.holder.Key, r.name(), a.Verified)
	if err != nil {
		return nil, err
	}
	if a.signature, err = r.verifier.ReleaseSignature(a.Verified, raw); err != nil {
		return nil, err
	}
	r.papers[n] = a
	return a, r.queue.Accept(ctx, 0, a.Verified)
}

func (r *run) release(ctx context.Context, d document.Verified, f document.InForce, s document.ReleaseSignature) (spool.Released, error) {
	return r.queue.Release(ctx, 0, d, f, s)
}

// after lets the queue's clock go before by d while f runs.
func (r *run) after(d time.Duration, f func() error) error {
	r.ahead.Store(int64(d))
	defer r.ahead.Store(0)
	return f()
}

// only drops what a call returned beside its error.
func only[T any](_ T, err error) error { return err }

// theQueue's cases follow one another: the last ones spend the documents.
var theQueue = []testCase{
	queued("release-signature", "別の鍵による受領の署名", "a release signature of another key", "card-untrusted", func(_ context.Context, r *run, a, _ *accepted) error {
		raw, err := released(r.neighbour.Key, r.name(), a.Verified)
		if err != nil {
			return err
		}
		return only(r.verifier.ReleaseSignature(a.Verified, raw))
	}),
	queued("release-signature-of-another", "別の文書への署名", "a release signature of another document", "card-untrusted", func(_ context.Context, r *run, a, b *accepted) error {
		return only(r.verifier.ReleaseSignature(a.Verified, b.signature.Bytes()))
	}),
	queued("accept-nothing", "検査されていない文書の受付", "nothing is accepted", "unverified", func(ctx context.Context, r *run, _, _ *accepted) error {
		return r.queue.Accept(ctx, 0, document.Verified{})
	}),
	queued("release-nothing", "検査されていない文書の印刷", "nothing is released", "unverified", func(ctx context.Context, r *run, a, _ *accepted) error {
		return only(r.release(ctx, document.Verified{}, a.inForce, a.signature))
	}),
	queued("release-unsigned", "署名のない印刷", "released without a signature", "unverified", func(ctx context.Context, r *run, a, _ *accepted) error {
		return only(r.release(ctx, a.Verified, a.inForce, document.ReleaseSignature{}))
	}),
	queued("release-unasked", "照会のない印刷", "released without the register's answer", "unverified", func(ctx context.Context, r *run, a, _ *accepted) error {
		return only(r.release(ctx, a.Verified, document.InForce{}, a.signature))
	}),
	queued("release-others-signature", "別の文書の署名での印刷", "released with another document's signature", "foreign", func(ctx context.Context, r *run, a, b *accepted) error {
		return only(r.release(ctx, a.Verified, a.inForce, b.signature))
	}),
	queued("release-others-answer", "別の文書の照会での印刷", "released with another document's answer", "foreign", func(ctx context.Context, r *run, a, b *accepted) error {
		return only(r.release(ctx, a.Verified, b.inForce, a.signature))
	}),
	queued("release-late", "照会から時間の経った印刷", "released long after the register's answer", "too-late", func(ctx context.Context, r *run, a, _ *accepted) error {
		return r.after(document.MaxInForceAge+time.Second*10, func() error { return only(r.release(ctx, a.Verified, a.inForce, a.signature)) })
	}),
	queued("release-early", "照会より前の印刷", "released before the register's answer", "too-late", func(ctx context.Context, r *run, a, _ *accepted) error {
		return r.after(-time.Minute, func() error { return only(r.release(ctx, a.Verified, a.inForce, a.signature)) })
	}),
	queued("release-unwritten", "記録されない印刷", "the intent is not on the disk", "not-journalled", func(ctx context.Context, r *run, _, b *accepted) error {
		q, _, err := spool.NewQueue(ctx, fullDisk{}, new(door), r.before)
		if err != nil {
			return err
		}
		return only(q.Release(ctx, 0, b.Verified, b.inForce, b.signature))
	}),
	queued("release-destroyed", "破棄された文書の印刷", "a destroyed document", "spent", func(ctx context.Context, r *run, _, b *accepted) error {
		return only(r.release(ctx, b.Verified, b.inForce, b.signature))
	}),
	queued("release-two", "二つ同時の印刷", "two at once", "not-empty", func(ctx context.Context, r *run, a, _ *accepted) error {
		doc, err := r.release(ctx, a.Verified, a.inForce, a.signature)
		if err != nil {
			return err
		}
		r.onWay = doc
		return only(r.release(ctx, a.Verified, a.inForce, a.signature))
	}),
	queued("open-late", "遅すぎる送信", "the first byte comes too late", "too-late", func(_ context.Context, r *run, _, _ *accepted) error {
		return r.after(spool.MaxCommitToFirstByte+time.Second*10, func() error { return only(r.onWay.Open()) })
	}),
	queued("print-nothing", "許可のない印刷", "nothing is printed", "unreleased", func(ctx context.Context, r *run, _, _ *accepted) error {
		return only(r.queue.Print(ctx, spool.Released{}, nil))
	}),
	queued("print-twice", "二度目の印刷", "printed again", "spent", func(ctx context.Context, r *run, _, _ *accepted) error {
		got, err := r.queue.Print(ctx, r.onWay, nil)
		if err != nil || got.Outcome != protocol.Failed {
			return errors.Join(errStaff, err)
		}
		return only(r.queue.Print(ctx, r.onWay, nil))
	}),
	queued("release-twice", "二度目の許可", "released again", "spent", func(ctx context.Context, r *run, a, _ *accepted) error {
		return only(r.release(ctx, a.Verified, a.inForce, a.signature))
	}),
}

var (
	errDisk  = errors.New("selftest: a full disk")
	errStaff = errors.New("selftest: the shut door did not end in a failure to print")
)

// fullDisk is a journal that cannot be written.
type fullDisk struct{}

func (fullDisk) Record(journal.Entry, ...journal.Entry) (journal.Entry, error) {
	return journal.Entry{}, errDisk
}
func (fullDisk) Unfinished() ([]journal.Entry, error) { return nil, nil }
func (fullDisk) StaffCall() (journal.Entry, error)    { return journal.Entry{}, nil }
func (fullDisk) Sheet() (journal.Entry, error)        { return journal.Entry{}, nil }
