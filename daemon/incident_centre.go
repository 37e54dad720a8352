package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"honnin/config/protocol"
	"honnin/daemon/practice/operator"
	"honnin/spool/incident"
)

// Incidents as the practice centre's operators' page knows them, for people without a browser: --centre.

// maxListed bounds what a centre lists, bytes.
const maxListed = 32 << 20

const centreUsage = "address of the practice centre's operators' page, on loopback (it stands in STATE/" + operatorsFile + ")"

// operatorsPage is the operators' page at an address.
type operatorsPage struct{ base *url.URL }

func operatorsPageAt(address string) (operatorsPage, error) {
	u, err := url.Parse(address)
	if err == nil {
		ip := net.ParseIP(u.Hostname())
		if u.Scheme != "http" || u.User != nil || strings.Trim(u.Path, "/") != "" || ip == nil || !ip.IsLoopback() {
			err = errors.New("not an address on loopback")
		}
	}
	if err != nil {
		return operatorsPage{}, usage("--centre must be such as http://127.0.0.1:8081/, not %q", address)
	}
	return operatorsPage{u}, nil
}

// ask makes one request; what is posted is a signed state.
func (p operatorsPage) ask(ctx context.Context, method, path string, signed []byte) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, p.base.JoinPath(path).String(), bytes.NewReader(signed))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Origin", "http://"+p.base.Host)
	r.Header.Set("Content-Type", operator.MediaState)
	c := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}, // and no proxy: it is this machine
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	a, err := c.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("--centre: %w", err)
	}
	defer a.Body.Close()
	body, err = io.ReadAll(io.LimitReader(a.Body, maxListed+1))
	if err == nil && len(body) > maxListed {
		err = errors.New("--centre: a list longer than 32 MiB")
	}
	return a.StatusCode, body, err
}

// list is every incident that the centre knows, by the words of this program's catalogue.
func (p operatorsPage) list(ctx context.Context, c incident.Catalogue) (out []noticed, err error) {
	status, body, err := p.ask(ctx, http.MethodGet, operator.ListPath, nil)
	if err != nil {
		return nil, err
	}
	var all []operator.Incident
	if err := json.Unmarshal(body, &all, json.RejectUnknownMembers(true)); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("--centre: %s is no operators' page of a practice centre", p.base)
	}
	for _, i := range all {
		n, err := noticedThere(i, c)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// atCentre reads what the centre knows, if one is named.
func (f *incidentFlags) atCentre(ctx context.Context, c incident.Catalogue) ([]noticed, error) {
	if f.centre == "" {
		return nil, nil
	}
	p, err := operatorsPageAt(f.centre)
	if err != nil {
		return nil, err
	}
	return p.list(ctx, c)
}

// find is a terminal's incident as the centre has it, for whoever signs what is said of it.
func (p operatorsPage) find(ctx context.Context, id protocol.IncidentID, at protocol.Terminal) (noticed, error) {
	c, err := incident.Load()
	if err != nil {
		return noticed{}, err
	}
	all, err := p.list(ctx, c)
	if err != nil {
		return noticed{}, err
	}
	all = slices.DeleteFunc(all, func(n noticed) bool { return n.ID != id || n.Terminal != at })
	if len(all) != 1 {
		return noticed{}, &exitError{exitFailure, fmt.Errorf("the centre knows %d incidents of this name", len(all))}
	}
	return all[0], nil
}

// bring takes a signed state there.
func (p operatorsPage) bring(ctx context.Context, signed []byte) error {
	status, body, err := p.ask(ctx, http.MethodPost, operator.StatesPath, signed)
	if err == nil && status != http.StatusOK {
		err = &exitError{exitRefused, errors.New(strings.TrimSpace(string(body)))}
	}
	return err
}

// wordOf is what the catalogue says of a code. One of another version of this program is of the gravest: nobody here thought of it.
func wordOf(c incident.Catalogue, code string) incident.Word {
	if w, known := c.Word(code); known {
		return w
	}
	return incident.Word{Word: code, Class: incident.Fault, Severity: incident.Highest}
}

// noticedThere is an incident as its event tells it, and as the centre tells what became of it. The position is the one that its name
// has.
func noticedThere(i operator.Incident, c incident.Catalogue) (noticed, error) {
	e, err := eventOf(i)
	if err != nil {
		return noticed{}, err
	}
	_, position, _ := i.ID.Place() // one that another program named has none
	d, word := e.Data, wordOf(c, e.Data.Code)
	n := noticed{ID: i.ID, Terminal: i.Terminal, Code: d.Code, Class: d.Class, Severity: word.Severity, State: i.State, Since: e.Time, Delivered: i.Delivered,
		Municipality: d.Municipality, Transaction: d.Transaction, Document: d.Document, Also: d.Also, Evidence: d.Evidence, Storm: d.Storm, Position: position,
		Suspends: i.Suspends, word: word, event: protocol.Fingerprint([]byte(i.Event))}
	for _, t := range i.Told {
		n.Told = append(n.Told, telling{t.Contact, t.At, t.Over})
	}
	for _, s := range i.Steps {
		by := &moved{By: s.By, At: s.At, Proof: s.Proof, Cause: s.Cause}
		if s.State == protocol.IncidentClosed {
			n.Closed = by
		} else {
			n.Taken = by
		}
	}
	return n, nil
}

// eventOf is an incident's event. What is shown beside it must be what it says: people read the one, and sign the other.
func eventOf(i operator.Incident) (protocol.Event, error) {
	e, err := protocol.ParseEvent([]byte(i.Event))
	if err != nil {
		return e, fmt.Errorf("--centre: the event of %s: %w", i.ID, err)
	}
	said, err := protocol.EncodeBody(e)
	shown, failed := protocol.EncodeBody(protocol.NewEvent(i.ID, i.Terminal, i.Raised, i.Data))
	if err := errors.Join(err, failed); err != nil {
		return e, err
	}
	if d := e.Data; !bytes.Equal(said, shown) || d.Code != i.Code || d.Class != i.Class || d.Municipality != i.Municipality {
		return e, &exitError{exitRefused, fmt.Errorf("--centre: what is shown of %s is not what its event says", i.ID)}
	}
	return e, nil
}
